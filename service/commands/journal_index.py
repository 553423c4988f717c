"""`kinelog journal index`: the index of entities on a cluster."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

import click
from kinelog.service.configuration import EMBEDDED, load_settings
from kinelog.service.errors import TryAgainError, UnavailableServiceError
from kinelog.service.options import data_option, json_option, print_result, store_option


@click.command(name="index")
@data_option
@store_option
@click.option("--rebuild", is_flag=True, help="Build the index anew beside the one that is read, then switch.")
@click.option("--lost", is_flag=True, help="Begin with an empty one: its rows are gone or damaged.")
@json_option
def index_command(*, data: Path, store: str | None, rebuild: bool, lost: bool, as_json: bool) -> None:
    """Bring the index of entities up to the end of the log, or build it anew.

    `kinelog project` keeps it by itself. It is derived from the log: whatever is wrong with it, people are recovered
    from the log meanwhile, only slower. Runs beside services and other indexers.

    \b
    Examples:
      kinelog journal index --store cassandra://127.0.0.1/kinelog
      kinelog journal index --rebuild --store cassandra://127.0.0.1/kinelog
    """
    settings = load_settings(data, store=store)
    if settings.store == EMBEDDED:
        raise click.UsageError("an embedded store keeps its index as it writes: name a cluster with --store")
    from kinelog.cassandra_session.migrations import require_schema
    from kinelog.journal.cassandra.indexer import IndexRebuild
    from kinelog.journal.cassandra.opening import open_log
    from kinelog.journal.cassandra.schema import LOG_SCHEMA
    from kinelog.journal.errors import JournalError
    from kinelog.service.cassandra_store import connected

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        with connected(settings) as connection:
            require_schema(connection, (LOG_SCHEMA,))
            opened = open_log(connection, settings.shards)
            index, reader, shards = opened.recovery.index, opened.log.reader, range(opened.journal.shards)
            if rebuild or lost:
                rebuilds = [IndexRebuild(index, reader, shard) for shard in shards]
                with click.progressbar(rebuilds, label="shards", file=sys.stderr) as bar:
                    for build in bar:
                        if lost:
                            build.start_over()
                        elif not build.run(lambda _reached, _end: None, stop.is_set):
                            raise TryAgainError("stopped before the end; the index that is read is as it was")
            indexed = opened.indexer().catch_up()
    except JournalError as error:
        raise UnavailableServiceError(str(error)) from error
    done = "built anew" if rebuild or lost else "extended"
    print_result(
        {"index": done, "commits": indexed}, f"index {done}; {indexed} commits behind it added", as_json=as_json
    )
