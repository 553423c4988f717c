"""`kinelog journal copy`."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click
import msgspec
from kinelog.service.configuration import DataFolder, load_settings
from kinelog.service.copy_ends import NamedStore, named_store
from kinelog.service.errors import CannotCreateError, ConfigurationError, TryAgainError, UnavailableServiceError
from kinelog.service.journal_copy import CopyResult, Shown, copy_store
from kinelog.service.options import data_option, json_option, print_result

LINE_EVERY_S = 1.0


@click.command(name="copy")
@click.option("--from", "source", required=True, metavar="STORE", help="sqlite:FOLDER or cassandra://…")
@click.option("--to", "destination", required=True, metavar="STORE", help="An empty store, or an unfinished copy.")
@click.option(
    "--shards", type=click.IntRange(1, 1 << 16), help="Shards of a new destination; default: as many as the source has."
)
@click.option("--while-running", is_flag=True, help="A service may write to the source; the copy is not complete then.")
@data_option
@json_option
def copy_command(
    *, source: str, destination: str, shards: int | None, while_running: bool, data: Path, as_json: bool
) -> None:
    """Copy a deployment into another store: log, keys, names, erasures.

    Nothing is opened on the way, so both ends have the same master key, and the source is only read. Killed at any
    moment, the same command goes on where it stopped. At the end a hash chain over the stored bytes of every entity is
    compared. Snapshots and views are not copied: `kinelog project` makes the tables anew.

    Stop the service first; or copy with --while-running, then stop it and run the command once more, which copies only
    what came in meanwhile. A destination can be served once its copy is complete.

    Exit codes: 0 copied and equal, 65 the two differ, 73 the destination holds something else, 75 a service has a
    folder, or the copy was stopped.

    \b
    Examples:
      kinelog journal copy --from sqlite:.data --to sqlite:larger --shards 16
      kinelog journal copy --from sqlite:.data --to 'cassandra://10.0.0.1,10.0.0.2/kinelog?replication=3' --shards 24
      kinelog journal copy --from cassandra://10.0.0.1/kinelog --to sqlite:/backups/kinelog --while-running
    """
    settings = load_settings(data)
    ends = named_store(source, data, settings), named_store(destination, data, settings)
    # With a cluster the data folder of this machine may hold the master key.
    result = _copy(ends, DataFolder(data), shards, while_running=while_running, as_json=as_json)
    lines = [
        f"{result.events} events of {result.entities} entities in {result.shards} shards, equal on both sides",
        f"chains  {result.chains}",
        f"keys    {result.people} people; {result.erased} erased",
        "complete: the destination may be served, with the same master key"
        if result.complete
        else "not complete: stop what writes to the source, and run the same command without --while-running",
    ]
    print_result(msgspec.to_builtins(result), "\n".join(lines), as_json=as_json)


def _copy(
    ends: tuple[NamedStore, NamedStore],
    here: DataFolder,
    shards: int | None,
    *,
    while_running: bool,
    as_json: bool,
) -> CopyResult:
    from kinelog.journal.copy_mark import CopyRefusedError
    from kinelog.journal.errors import FencedError, IncompatibleStoreError, JournalError
    from kinelog.privacy.errors import PrivacyError, WrongMasterKeyError
    from kinelog.privacy.key_copying import require_same_master_key
    from kinelog.service.copy_ends import opened_destination, opened_source, shared_master_key

    shown: Shown = _lines if as_json else _bar if sys.stderr.isatty() else _nothing
    try:
        with ExitStack() as stack:
            master = shared_master_key((*ends, here))
            first = stack.enter_context(opened_source(ends[0], master, while_running=while_running))
            # Before a new destination is made: it belongs to the master key that it is made with.
            require_same_master_key(master, [first.keys])
            second = stack.enter_context(opened_destination(ends[1], master, shards, first.journal))
            return copy_store(first, second, master, shown, complete=not while_running)
    except KeyboardInterrupt:
        raise TryAgainError("stopped; the same command goes on where it was") from None
    except (CopyRefusedError, IncompatibleStoreError) as error:
        raise CannotCreateError(str(error)) from error
    except FencedError as error:
        raise TryAgainError(f"somebody else writes to the destination ({error}): stop that, and copy again") from error
    except WrongMasterKeyError as error:
        raise ConfigurationError(str(error)) from error
    except (JournalError, PrivacyError, OSError) as error:
        raise UnavailableServiceError(f"{error}; the same command goes on where it was") from error


@contextmanager
def _nothing(step: str, events: int) -> Iterator[Callable[[int], None]]:  # noqa: ARG001 - called as the others are
    """Neither a terminal nor a machine reads along."""
    yield lambda _events: None


@contextmanager
def _bar(step: str, events: int) -> Iterator[Callable[[int], None]]:
    """For somebody at a terminal."""
    lock = threading.Lock()
    with click.progressbar(length=events, label=step, file=sys.stderr) as bar:

        def update(more: int) -> None:
            with lock:
                bar.update(more)

        yield update


@contextmanager
def _lines(step: str, events: int) -> Iterator[Callable[[int], None]]:
    """For machines: a JSON object a second, and one at the end of the step."""
    lock = threading.Lock()
    done = 0
    due = time.monotonic() + LINE_EVERY_S

    def tell() -> None:
        click.echo(json.dumps({"step": step, "done": done, "total": events}))

    def update(more: int) -> None:
        nonlocal done, due
        with lock:
            done += more
            if time.monotonic() >= due:
                due = time.monotonic() + LINE_EVERY_S
                tell()

    yield update
    tell()
