"""`kinelog journal`: what can be asked of the log itself, and where it can be moved."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import click
import msgspec
from kinelog.service.commands.journal_copy import copy_command
from kinelog.service.commands.journal_index import index_command
from kinelog.service.commands.journal_restored import restored_command
from kinelog.service.configuration import EMBEDDED, DataFolder, load_settings
from kinelog.service.errors import UnavailableServiceError
from kinelog.service.options import data_option, json_option, print_result, store_option

EXIT_DAMAGED = 65


@click.group(name="journal")
def command() -> None:
    """Verify the log; copy it into another store; begin anew with one that was put back."""


command.add_command(copy_command)
command.add_command(index_command)
command.add_command(restored_command)


@command.command(name="verify")
@click.argument("folder", metavar="[DATA]", type=click.Path(path_type=Path, file_okay=False), required=False)
@data_option
@store_option
@json_option
def verify_command(*, folder: Path | None, data: Path, store: str | None, as_json: bool) -> None:
    """Read the whole log and name everything that is not as it must be.

    Looks for holes, doubles, broken checksums, sequences out of line, foreign epochs, and an index that disagrees with
    the log; on a cluster also for buckets that do not follow one another, and for epochs and heads whose time lies
    ahead. Needs no keys, and may run while the service does. Exits with 65 when anything was found.

    \b
    Examples:
      kinelog journal verify --data .data
      kinelog journal verify --store cassandra://127.0.0.1/kinelog --json
    """
    from kinelog.journal.errors import JournalError
    from kinelog.journal.verification import verify
    from kinelog.service.inspected_store import inspected

    if folder is not None and store is None:
        store = EMBEDDED  # whoever names a folder means that folder
    root = data if folder is None else folder
    try:
        with ExitStack() as stack:
            log = stack.enter_context(inspected(DataFolder(root), load_settings(root, store=store)))
            progress: Callable[[int], None] = _no_progress
            if sys.stderr.isatty() and not as_json:
                bar = click.progressbar(length=log.events(), label="events", file=sys.stderr)
                progress = stack.enter_context(bar).update
            report = verify(log, progress)
    except JournalError as error:
        raise UnavailableServiceError(str(error)) from error
    words = [f"{report.events} events in {report.commits} commits of {report.shards} shards"]
    words += [f"shard {one.shard}, position {one.position}: {one.kind}: {one.detail}" for one in report.findings]
    words.append("sound" if report.sound else f"{len(report.findings)} findings")
    print_result({**msgspec.to_builtins(report), "sound": report.sound}, "\n".join(words), as_json=as_json)
    sys.exit(0 if report.sound else EXIT_DAMAGED)


def _no_progress(_events: int) -> None:
    """Not on a terminal: nothing is shown."""
