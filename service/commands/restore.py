"""`kinelog restore`."""

from __future__ import annotations

from pathlib import Path

import click
from kinelog.service.configuration import EMBEDDED, DataFolder, load_settings
from kinelog.service.errors import CannotCreateError, ConfigurationError
from kinelog.service.options import json_option, print_result

BACKUP = click.Path(path_type=Path, file_okay=False, exists=True)
FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.command()
@click.option("--log", type=BACKUP, required=True, help="A log-… folder that `kinelog backup` made.")
@click.option("--keys", type=BACKUP, help="A keys-… folder; without it nothing opens until keys are put there.")
@click.option("--models", type=BACKUP, help="A models-… folder; without it nothing is published in the new folder.")
@click.option("--to", type=click.Path(path_type=Path, file_okay=False), required=True, help="Data folder to make.")
@click.option("--erasures", type=FILE, help="The newest list of erasures (keys/erasures.log of the lost folder).")
@click.option("--nobody-was-erased", is_flag=True, help="There is no list of erasures, since nobody was ever erased.")
@click.option("--master-key", type=FILE, help="The file master.key; or set KINELOG_MASTER_KEY when serving.")
@json_option
def command(
    *,
    log: Path,
    keys: Path | None,
    models: Path | None,
    to: Path,
    erasures: Path | None,
    nobody_was_erased: bool,
    master_key: Path | None,
    as_json: bool,
) -> None:
    """Make a data folder from backups of log, keys and models.

    The folder must not exist or be empty. Hashes and the whole log are verified first. The log gets another
    incarnation, so views are rebuilt, and whoever still owns a shard of the lost timeline can write no more. People
    in the list of erasures stay erased, however old the backups are.

    \b
    Example:
      kinelog restore --log /backups/log/log-1700000000000 --keys /safe/keys/keys-1700000000000 \\
        --models /backups/log/models-1700000000000 \\
        --erasures /safe/erasures.log --master-key /safe/master.key --to .data
    """
    store = load_settings(to).store
    if store != EMBEDDED:
        raise ConfigurationError(
            f"the store is {store}, and this makes a data folder: put a cluster's tables back with `nodetool import` "
            "and run `kinelog journal restored`, or copy a folder into it with `kinelog journal copy` (see "
            "docs/operations.md); to restore a folder all the same, set KINELOG_STORE=sqlite"
        )
    if (erasures is None) != nobody_was_erased:
        raise click.UsageError(
            "give the newest list of erasures with --erasures FILE; only if there never was one: --nobody-was-erased"
        )
    from kinelog.journal.errors import JournalError
    from kinelog.journal.restoration import restore
    from kinelog.privacy.errors import PrivacyError
    from kinelog.service.model_backup import put_models_back

    def put_back(folder: Path) -> None:
        if models is not None:
            put_models_back(models, DataFolder(folder))

    try:
        restored = restore(to, log, keys, erasures, master_key, put_back)
    except (JournalError, PrivacyError, OSError) as error:
        raise CannotCreateError(f"nothing was restored: {error}") from error
    report = restored.report
    result: dict[str, object] = {
        "data": str(to),
        "incarnation": report.incarnation,
        "events": report.events,
        "erased_again": restored.erased,
    }
    text = f"{report.events} events restored and verified in {to}; {restored.erased} people erased again"
    print_result(result, text, as_json=as_json)
