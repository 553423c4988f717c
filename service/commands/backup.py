"""`kinelog backup`."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import click
from kinelog.service.configuration import EMBEDDED, DataFolder, Settings, load_settings
from kinelog.service.errors import CannotCreateError, ConfigurationError, RefusedError
from kinelog.service.options import data_option, json_option, print_result, store_option

FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.command()
@data_option
@click.option("--to", "to", type=FOLDER, help="Folder for backups of log and models.")
@click.option("--keys-to", type=FOLDER, help="Folder for the keys' backup: another one, better another machine.")
@click.option("--without-keys", is_flag=True, help="Back up log and models only.")
@click.option("--purge-erased", type=FOLDER, metavar="KEYS_BACKUP", help="Remove the erased from a keys' backup.")
@click.option("--erasures", type=FILE, help="List of erasures for --purge-erased; default: the data folder's own.")
@store_option
@click.option(
    "--erasures-to",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Add a cluster's erasures to this list, which is made if it is not there.",
)
@json_option
def command(  # noqa: PLR0913 - as many as the command has options
    *,
    data: Path,
    to: Path | None,
    keys_to: Path | None,
    without_keys: bool,
    purge_erased: Path | None,
    erasures: Path | None,
    store: str | None,
    erasures_to: Path | None,
    as_json: bool,
) -> None:
    """Copy log, models and keys, the keys apart from the rest, while the service runs.

    Makes TO/log-TIME, TO/models-TIME and KEYS-TO/keys-TIME, each with a manifest of hashes. The master key
    (keys/master.key), the key that signs models (keys/model.key) and the list of erasures (keys/erasures.log) are in no
    backup: keep copies of all three elsewhere, the list always the newest.

    A cluster is backed up by `nodetool snapshot` or `kinelog journal copy`; what is needed beside that is its list of
    erasures.

    \b
    Examples:
      kinelog backup --data .data --to /backups/log --keys-to /safe/keys
      kinelog backup --store cassandra://127.0.0.1/kinelog --erasures-to /safe/erasures.log
      kinelog backup --purge-erased /safe/keys/keys-1700000000000 --erasures .data/keys/erasures.log
    """
    folder = DataFolder(data)
    if purge_erased is not None:
        _purge(purge_erased, erasures or folder.keys / "erasures.log", as_json=as_json)
        return
    settings = load_settings(data, store=store)
    if erasures_to is not None:
        _save_erasures(settings, erasures_to, as_json=as_json)
        return
    if settings.store != EMBEDDED:
        raise ConfigurationError(
            f"{settings.store} is backed up by `nodetool snapshot` on every node, or with `kinelog journal copy --from "
            f"{settings.store} --to sqlite:FOLDER --while-running`; see docs/operations.md"
        )
    if to is None:
        raise click.UsageError("say where to with --to DIR")
    if (keys_to is None) != without_keys:
        raise click.UsageError("name a folder of its own for the keys with --keys-to DIR, or say --without-keys")
    if keys_to is not None and (keys_to.resolve() == to.resolve() or to.resolve() in keys_to.resolve().parents):
        raise click.UsageError("--keys-to lies in --to: whoever finds a log must not find its keys beside it")
    _back_up(folder, to, keys_to, as_json=as_json)


def _back_up(folder: DataFolder, to: Path, keys_to: Path | None, *, as_json: bool) -> None:
    from kinelog.journal.backup import back_up_keys, back_up_log
    from kinelog.journal.errors import JournalError
    from kinelog.service.model_backup import back_up_models

    now_ms = time.time_ns() // 1_000_000
    try:
        log = back_up_log(folder.log, to, now_ms)
        # After the log: an event in the log's copy must find its key in the keys' copy.
        keys = None if keys_to is None else back_up_keys(folder.keys, keys_to, now_ms)
        models = back_up_models(folder.models, to, now_ms)
    except (JournalError, OSError) as error:
        raise CannotCreateError(str(error)) from error
    places = {"log": log, "keys": keys, "models": models}
    result: dict[str, object] = {name: None if place is None else str(place) for name, place in places.items()}
    missing = {"keys": "not backed up", "models": "none yet"}
    lines = [f"{name:7} {place or missing[name]}" for name, place in places.items()]
    print_result(result, "\n".join(lines), as_json=as_json)


def _save_erasures(settings: Settings, file: Path, *, as_json: bool) -> None:
    if settings.store == EMBEDDED:
        raise click.UsageError("--erasures-to is for a cluster: a data folder has its list in keys/erasures.log")
    from kinelog.privacy.cassandra_erasures import CassandraErasures
    from kinelog.privacy.erasure_list import ErasureList
    from kinelog.privacy.errors import PrivacyError
    from kinelog.service.cassandra_store import connected

    try:
        with connected(settings) as connection, closing(CassandraErasures(connection)) as erasures:
            people = erasures.people()
        saved = ErasureList(file)
        for person in sorted(people):
            saved.append(person, time.time_ns() // 1_000_000)
        file.touch(mode=0o600)  # nobody was erased yet: an empty list says so
    except (PrivacyError, OSError) as error:
        raise CannotCreateError(str(error)) from error
    print_result({"erasures": len(people)}, f"{len(people)} erasures in {file}", as_json=as_json)


def _purge(backup: Path, erasures: Path, *, as_json: bool) -> None:
    from kinelog.journal.backup import purge_keys
    from kinelog.journal.errors import JournalError
    from kinelog.privacy.errors import PrivacyError

    try:
        purged = purge_keys(backup, erasures)
    except (JournalError, PrivacyError, OSError) as error:
        raise RefusedError(str(error)) from error
    print_result({"purged": purged}, f"{purged} people removed from {backup}", as_json=as_json)
