"""`kinelog fit run`: what a scheduler calls every night."""

from __future__ import annotations

import errno
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click
from kinelog.service.commands.fit_progress import JsonLog, TerminalLog
from kinelog.service.commands.fit_sources import Source, recordings, tables
from kinelog.service.configuration import DataFolder, Settings, load_settings
from kinelog.service.errors import (
    CannotCreateError,
    CommandError,
    RefusedError,
    TryAgainError,
    UnavailableServiceError,
)
from kinelog.service.model_stores import model_store, signing_key, translated
from kinelog.service.options import data_option, store_option
from kinelog.service.written_files import prepare_place_for, write_file

if TYPE_CHECKING:
    from kinelog.ml.engines.port import Engine
    from kinelog.ml.night import Surroundings
    from kinelog.ml.run_book import NightSettings
    from kinelog.ml.run_record import NightRecord
    from kinelog.registry.store import ModelStore


FEWEST_MOST_SETS = 200
"""Fewer would leave some labels without the sets that a fit needs."""


_DISK_REFUSES = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES})


class TaskError(CommandError):
    """A task of the night failed, or every process that took it died."""

    exit_code = 70


@click.command()
@data_option
@store_option
@click.option("--tenant", help="Whose models.  [default: every tenant's, one night after the other]")
@click.option(
    "--recordings",
    "folder",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    envvar="KINELOG_RECORDINGS",
    help="Fit to a folder of recordings instead, each as a tenant of its name, or together as --tenant's.",
)
@click.option("--only", multiple=True, metavar="NAME", help="With --recordings: only this one; may be repeated.")
@click.option("--candidates", default=30, show_default=True, type=click.IntRange(2, 1000), help="In each pool.")
@click.option("--folds", default=5, show_default=True, type=click.IntRange(2, 20), help="Of the selection sessions.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Of everything that is drawn.")
@click.option(
    "--most-sets",
    default=4000,
    show_default=True,
    type=click.IntRange(FEWEST_MOST_SETS, 1_000_000),
    help="Of a pool; of more, so many are drawn. Each takes some 45 KB a sensor in every process that fits.",
)
@click.option("--engine", type=click.Choice(["processes", "dask"]), help="[default: dask with --scheduler]")
@click.option("--scheduler", metavar="ADDRESS", help="Of a Dask scheduler, tcp://HOST:PORT.")
@click.option("--processes", type=click.IntRange(1, 1024), help="Of this machine.  [default: one a core]")
@click.option(
    "--work", type=click.Path(path_type=Path, file_okay=False), help="Arrays and results.  [default: DATA/fit]"
)
@click.option("--wait", default=60.0, show_default=True, help="Seconds to wait for a night that holds the lease.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the report (HTML) there.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line, the record last.")
def command(  # noqa: PLR0913 - one parameter an option; click passes them by name
    *,
    data: Path,
    store: str | None,
    tenant: str | None,
    folder: Path | None,
    only: tuple[str, ...],
    candidates: int,
    folds: int,
    seed: int,
    most_sets: int,
    engine: str | None,
    scheduler: str | None,
    processes: int | None,
    work: Path | None,
    wait: float,
    out: Path | None,
    as_json: bool,
) -> None:
    """Fit candidates, keep the ten best, compare the winner with what is published, publish it if it is better.

    Killed at any moment, the same command goes on where it was. Two at a time do not both publish: the second waits
    for --wait seconds, then ends with 75.

    Exit codes: 0 done (that the champion stayed is no failure), 64 wrong usage or setting, 65 no data that a model
    could be fitted to, or what earlier nights handed on is damaged, 69 store, tables or scheduler do not answer, 70 a
    task failed, 73 the report or the work folder cannot be written, 75 another run holds the lease, or this one was
    stopped.

    \b
    Examples:
      kinelog fit run --data .data
      kinelog fit run --data .data --recordings ../recordings --only gymwatch --out report.html
    """
    from kinelog.ml.night import Surroundings
    from kinelog.ml.run_book import NightSettings
    from kinelog.ml.tasks import RUN

    if engine == "dask" and scheduler is None:
        raise click.UsageError("--engine dask needs --scheduler ADDRESS")
    if engine == "processes" and scheduler is not None:
        raise click.UsageError("--scheduler is for --engine dask")
    if out is not None:
        prepare_place_for(out)
    settings = load_settings(data, store=store)
    place = DataFolder(data)
    place.create()
    log: TerminalLog | JsonLog = JsonLog() if as_json else TerminalLog()
    records: list[NightRecord] = []
    empty: list[str] = []
    holder = f"{socket.gethostname()} process {os.getpid()}"
    with (
        _sources(place, settings, tenant, folder, only) as sources,
        model_store(place, settings, make=True) as models,
        log,
        _errors(),
        _told_to_stop(),
        _engine(RUN, scheduler, processes) as running,
    ):
        around = Surroundings(models, signing_key(place, models), running, work or data / "fit", log, holder, wait)
        for source in sources:
            record = _night(around, NightSettings(source.tenant, candidates, folds, seed, most_sets), source, empty)
            if record is not None:
                records.append(record)
        _tell(models, records, out, as_json=as_json)
    if not records:
        raise RefusedError("; ".join(empty) or "no tenant has anybody: nothing to fit")


def _night(around: Surroundings, settings: NightSettings, source: Source, empty: list[str]) -> NightRecord | None:
    from kinelog.ml.night import NoDataError, run_night

    try:
        return run_night(around, settings, source.offer)
    except NoDataError as error:
        # Other tenants may have enough: said at the end, when nobody has.
        around.log.event("no-data", tenant=source.tenant, reason=str(error))
        empty.append(f"{source.tenant}: {error}")
        return None


@contextmanager
def _sources(
    place: DataFolder, settings: Settings, tenant: str | None, folder: Path | None, only: tuple[str, ...]
) -> Iterator[list[Source]]:
    if folder is not None:
        yield recordings(folder, only, tenant)
        return
    with tables(place, settings, tenant) as sources:
        yield sources


def _engine(function: str, scheduler: str | None, processes: int | None) -> Engine:
    if scheduler is not None:
        from kinelog.ml.engines.dask_engine import DaskEngine

        return DaskEngine(function, scheduler)
    from kinelog.ml.engines.process_engine import ProcessEngine

    return ProcessEngine(function, processes=processes)


@contextmanager
def _told_to_stop() -> Iterator[None]:
    """Take SIGTERM as Ctrl-C: who is told to stop lets the lease go, where who is killed keeps others waiting."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _errors() -> Iterator[None]:
    """Turn errors of nights into those of commands."""
    from kinelog.ml.engines.port import EngineUnavailableError, TaskFailedError, TaskLostError
    from kinelog.ml.kept_state import DamagedStateError
    from kinelog.ml.lease_keeper import LeaseLostError
    from kinelog.ml.night_data import NightDataError
    from kinelog.ml.night_work import ResultMissingError
    from kinelog.projections.errors import ViewsUnavailableError

    try:
        with translated():
            yield
    except (EngineUnavailableError, ResultMissingError, ViewsUnavailableError) as error:
        raise UnavailableServiceError(str(error)) from error
    except (TaskFailedError, TaskLostError) as error:
        raise TaskError(str(error)) from error
    except DamagedStateError as error:
        raise RefusedError(str(error)) from error
    except NightDataError as error:
        raise TryAgainError(str(error)) from error
    except LeaseLostError as error:
        raise TryAgainError(f"{error}; nothing more was published") from error
    except OSError as error:
        if error.errno not in _DISK_REFUSES:
            raise
        where = f"{error.filename}: " if error.filename else ""
        raise CannotCreateError(f"{where}{error.strerror}; make room, and the same command goes on") from error
    except KeyboardInterrupt:
        raise TryAgainError("stopped; the same command goes on where it was") from None


def _tell(models: ModelStore, records: list[NightRecord], out: Path | None, *, as_json: bool) -> None:
    from kinelog.ml.record_text import text_of
    from kinelog.ml.run_book import records_of
    from kinelog.ml.run_record import record_bytes

    for record in records:
        click.echo(record_bytes(record).decode() if as_json else text_of(record))
        if out is not None:
            from kinelog.ml.report.page import render_report

            before = next((one for one in records_of(models, record.tenant) if one.run == record.previous_run), None)
            file = out if len(records) == 1 else out.with_stem(f"{out.stem}-{record.tenant}")
            write_file(file, render_report(record, before).encode())
            if not as_json:
                click.echo(f"  report: {file}")
