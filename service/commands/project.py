"""`kinelog project`."""

from __future__ import annotations

import gc
import os
import signal
import sqlite3
import sys
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import click
import msgspec
from kinelog.actors.membership.errors import MembershipError
from kinelog.actors.membership.port import Membership
from kinelog.cassandra_session.errors import CassandraError, UnknownWriteError, UnreachableError
from kinelog.journal.errors import JournalError
from kinelog.privacy.errors import PrivacyError
from kinelog.projections import parking
from kinelog.projections.errors import ProjectionsError, RebuildRunningError, UnknownViewError, ViewsMovedError
from kinelog.projections.lag import lag_by_shard
from kinelog.projections.rebuild import Rebuild, RebuildProgress, views_named
from kinelog.projections.status import ProjectionStatus, status_of
from kinelog.projections.view_store import ViewStore
from kinelog.service.configuration import EMBEDDED, DataFolder, Settings, load_settings
from kinelog.service.errors import TryAgainError, UnavailableServiceError
from kinelog.service.group_joining import (
    PROJECTIONS,
    READERS,
    this_node,
    this_reader,
    worker_of,
    zookeeper_membership,
)
from kinelog.service.observed_process import figures_shown, observed
from kinelog.service.opened_data import OpenedData, open_data
from kinelog.service.options import data_option, json_option, log_options, print_result, store_option
from kinelog.service.parent_channel import inherited_channel
from kinelog.service.projecting import SharedProjecting, announced, indexing, workers_of
from typing_extensions import override

POLITENESS = 5
"""Nice value of the worker: a third of the service's share of a processor that both want."""


class ShardRange(click.ParamType[tuple[int, ...]]):
    """`0-15`, `3` or `0-3,8-11`."""

    name = "shards"

    @override
    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Numbers of shards, ascending."""
        shards: set[int] = set()
        for part in str(value).split(","):
            first, dash, last = part.strip().partition("-")
            if not first.isdecimal() or (dash and not last.isdecimal()) or int(last or first) < int(first):
                self.fail(f"{value!r}: expected shards like 0-15 or 0-3,8", param, ctx)
            if int(last or first) > 65_535:
                self.fail(f"{value!r}: there are never that many shards", param, ctx)
            shards.update(range(int(first), int(last or first) + 1))
        return tuple(sorted(shards))


@click.command()
@data_option
@store_option
@click.option("--shards", type=ShardRange(), help="Follow these shards only, e.g. 0-7; all by default.")
@click.option("--once", is_flag=True, help="Stop when nothing is new.")
@click.option("--rebuild", multiple=True, metavar="VIEW|all", help="Fold a view anew beside the live one, then switch.")
@click.option("--replay-parked", is_flag=True, help="Try the events again that could not be folded.")
@log_options
@click.option("--status", is_flag=True, help="Tell generations, lag and parked events.")
@json_option
def command(  # noqa: PLR0913 - one parameter an option
    *,
    data: Path,
    store: str | None,
    shards: tuple[int, ...] | None,
    once: bool,
    rebuild: tuple[str, ...],
    replay_parked: bool,
    log_level: str | None,
    log_format: str | None,
    status: bool,
    as_json: bool,
) -> None:
    """Fold the log into the structured tables until SIGTERM.

    `kinelog serve` runs this by itself; rebuilds, replays and questions may run beside it. Where the setting
    `zookeeper` says how workers find each other, each follows its share of the shards, unless --shards names some.

    \b
    Examples:
      kinelog project --data .data --status
      kinelog project --data .data --rebuild all
      kinelog project --data .data --rebuild samples_by_session
      kinelog project --data .data --replay-parked
    """
    if sum((bool(rebuild), replay_parked, status)) > 1:
        raise click.UsageError("--rebuild, --replay-parked and --status are asked one at a time")
    folder = DataFolder(data)
    settings = load_settings(data, store=store, log_level=log_level, log_format=log_format)
    if settings.store == EMBEDDED and not folder.log.exists():
        raise UnavailableServiceError(f"there is no log in {data}; `kinelog serve --data {data}` makes one")
    # Rows in memory make no cycles; looking through all of them for some every few hundred events costs a twentieth.
    gc.set_threshold(50_000, 20, 50)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        with open_data(folder, settings, may_write=False) as opened, closing(opened.view_store()) as views:
            if status:
                _print_status(status_of(opened.journal, views), as_json=as_json)
            elif rebuild:
                with announced(_as_reader(settings)):
                    _rebuild(opened, views, rebuild, stop, as_json=as_json)
            elif replay_parked:
                with announced(_as_reader(settings)):
                    _replay(opened, views, as_json=as_json)
            else:
                with observed(settings, PROJECTIONS), figures_shown(settings):
                    _fold(opened, views, settings, shards, stop, once=once, as_json=as_json)
    except (ViewsMovedError, RebuildRunningError) as error:
        raise TryAgainError(str(error)) from error
    except (UnreachableError, UnknownWriteError) as error:
        raise UnavailableServiceError(f"the cluster does not answer: {error}") from error
    except (ProjectionsError, JournalError, PrivacyError, CassandraError, MembershipError, sqlite3.Error) as error:
        raise UnavailableServiceError(str(error)) from error


def _as_reader(settings: Settings) -> Membership | None:
    """How this process tells those that write what it reads; None where nobody looks."""
    channel = inherited_channel()
    if channel is not None:
        return channel.membership(msgspec.structs.replace(this_node(settings), name=worker_of(settings)))
    return None if settings.zookeeper is None else zookeeper_membership(settings, READERS, this_reader(settings))


def _fold(
    opened: OpenedData,
    views: ViewStore,
    settings: Settings,
    shards: tuple[int, ...] | None,
    stop: threading.Event,
    *,
    once: bool,
    as_json: bool,
) -> None:
    if settings.zookeeper is not None and shards is None and not once:
        me, count = this_node(settings), opened.journal.shards
        shared = zookeeper_membership(settings, PROJECTIONS, me, count)
        _project(opened, views, shards, shared, stop, once=once, as_json=as_json)
        return
    with announced(_as_reader(settings)):
        _project(opened, views, shards, None, stop, once=once, as_json=as_json)


def _project(
    opened: OpenedData,
    views: ViewStore,
    shards: tuple[int, ...] | None,
    membership: Membership | None,
    stop: threading.Event,
    *,
    once: bool,
    as_json: bool,
) -> None:
    followed = _followed(opened, shards)
    with workers_of(opened, followed, views.workers_at_once) as workers:
        if once:
            folded = workers.catch_up(stop)
            print_result({"events": folded}, f"{folded} events folded", as_json=as_json)
            return
        # On a full machine what comes in goes first: views that are a moment late hurt nobody, an answer does.
        os.nice(POLITENESS)
        index = opened.index(followed)
        if membership is None:
            with indexing(index, stop):
                workers.run(stop)
        else:
            following = [workers] if index is None else [workers, index]
            with SharedProjecting(opened.journal.shards, following).taking_part(membership), indexing(index, stop):
                workers.run(stop)


def _followed(opened: OpenedData, shards: tuple[int, ...] | None) -> Sequence[int]:
    if shards is None:
        return range(opened.journal.shards)
    if shards[-1] >= opened.journal.shards:
        raise click.BadParameter(f"the log has shards 0 to {opened.journal.shards - 1}", param_hint="--shards")
    return shards


def _rebuild(
    opened: OpenedData, views: ViewStore, names: tuple[str, ...], stop: threading.Event, *, as_json: bool
) -> None:
    try:
        wanted = views_named(names)
    except UnknownViewError as error:
        raise click.BadParameter(str(error), param_hint="--rebuild") from error
    build = Rebuild(opened.journal, opened.codec, views, wanted)
    with click.progressbar(length=1, label="rebuilding", file=sys.stderr) as bar:

        def show(progress: RebuildProgress) -> None:
            bar.length = max(progress.total, 1)
            bar.update(progress.done - bar.pos)

        switched = build.run(show, stop.is_set)
    if not switched:
        raise TryAgainError("stopped before the end; the live views are as they were, and the same command goes on")
    rebuilt = [view.name for view in wanted]
    print_result({"rebuilt": rebuilt}, f"rebuilt and switched: {', '.join(rebuilt)}", as_json=as_json)


def _replay(opened: OpenedData, views: ViewStore, *, as_json: bool) -> None:
    done = parking.replay_parked(opened.journal, opened.codec, views)
    text = f"{done.folded} parked events folded, {done.waiting} still wait"
    print_result({"folded": done.folded, "waiting": done.waiting}, text, as_json=as_json)


def _print_status(status: ProjectionStatus, *, as_json: bool) -> None:
    lines = [f"{'view':24} version generation state     parked"]
    lines += [
        f"{view.view:24} {view.version:7} {view.generation:10} {view.state:9} {view.parked:6}" for view in status.views
    ]
    behind = {shard: events for shard, events in lag_by_shard(status.heads, status.as_of).items() if events}
    lines.append(f"lag: {sum(behind.values())} events" + "".join(f"; shard {s}: {n}" for s, n in behind.items()))
    lines += [f"parked: {row.view} shard {row.shard} position {row.position}: {row.error}" for row in status.failed]
    print_result(msgspec.to_builtins(status, str_keys=True), "\n".join(lines), as_json=as_json)
