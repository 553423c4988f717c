"""`kinelog journal restored`."""

from __future__ import annotations

import time
from pathlib import Path

import click
from kinelog.service.configuration import EMBEDDED, Settings, load_settings
from kinelog.service.errors import ConfigurationError, UnavailableServiceError
from kinelog.service.options import data_option, json_option, print_result, store_option


@click.command(name="restored")
@data_option
@store_option
@click.option(
    "--erasures",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="The newest list of erasures, as `kinelog backup --erasures-to` wrote it.",
)
@click.option("--erasures-kept", is_flag=True, help="The table of erasures was not put back: it is the newest list.")
@click.option("--nobody-was-erased", is_flag=True, help="There is no list of erasures, since nobody was ever erased.")
@json_option
def restored_command(
    *,
    data: Path,
    store: str | None,
    erasures: Path | None,
    erasures_kept: bool,
    nobody_was_erased: bool,
    as_json: bool,
) -> None:
    """Make a log of its own out of one whose tables were put back on a cluster, before anything is started.

    Lifts the epoch of every shard, so that whoever still works on the lost timeline can write no more; gives the log
    another incarnation, so that views, snapshots and the index of the lost timeline are ignored; and erases again
    whoever was erased since, however old the tables are. Run again, it does no harm.

    \b
    Example:
      kinelog journal restored --store cassandra://127.0.0.1/kinelog --erasures /safe/erasures.log
    """
    if sum((erasures is not None, erasures_kept, nobody_was_erased)) != 1:
        raise click.UsageError(
            "say where the newest list of erasures is: --erasures FILE; --erasures-kept if its table was left alone; "
            "only if there never was one: --nobody-was-erased"
        )
    settings = load_settings(data, store=store)
    if settings.store == EMBEDDED:
        raise ConfigurationError("a data folder is restored by `kinelog restore`; name a cluster with --store")
    from kinelog.journal.errors import JournalError
    from kinelog.privacy.errors import PrivacyError

    try:
        result = _begin_anew(settings, erasures)
    except (JournalError, PrivacyError, OSError) as error:
        raise UnavailableServiceError(f"not restored yet: {error}; run the same command again") from error
    text = (
        f"incarnation {result['incarnation']}, epochs of {result['shards']} shards lifted; "
        f"{result['erased_again']} people erased again"
    )
    print_result(result, text, as_json=as_json)


def _begin_anew(settings: Settings, erasures: Path | None) -> dict[str, object]:
    from kinelog.cassandra_session.migrations import require_schema
    from kinelog.journal.cassandra.restoring import begin_anew
    from kinelog.privacy.cassandra_erasures import CassandraErasures
    from kinelog.privacy.cassandra_key_table import CassandraKeyTable
    from kinelog.privacy.erasure_list import ErasureList
    from kinelog.service.cassandra_store import connected
    from kinelog.service.schemas import SCHEMAS

    with connected(settings) as connection:
        require_schema(connection, SCHEMAS)
        followed = CassandraErasures(connection)
        try:
            # Before the log can be served: an old table of keys must not bring anybody back, not for a moment.
            for person in sorted(ErasureList(erasures).people() if erasures is not None else ()):
                followed.append(person, _now_ms())
            erased = CassandraKeyTable(connection).erase(followed.people())
        finally:
            followed.close()
        identity = begin_anew(connection)
    return {"incarnation": identity.incarnation, "shards": identity.shards, "erased_again": erased}


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
