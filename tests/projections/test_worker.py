"""The worker: exactly once whatever happens between two writes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from unittest.mock import patch

import pytest
from kinelog.journal.errors import CorruptError
from kinelog.journal.memory_journal import MemoryJournal
from kinelog.journal.records import Positioned
from kinelog.projections.errors import NewerViewsError, ViewsUnavailableError
from kinelog.projections.row_buffer import RowBuffer
from kinelog.projections.sqlite_read_side import SqliteReadSide
from kinelog.projections.sqlite_views import SqliteViews
from kinelog.projections.view_store import Batch
from kinelog.projections.view_tables import ViewTables
from kinelog.projections.views import ALL_VIEWS
from kinelog.projections.worker import ProjectionWorker
from typing_extensions import override

from tests.projections.gym_floor import NOON_MS, TENANT, GymFloor, dump
from tests.projections.watch_frames import ae


class Killed(BaseException):
    """The process is gone at this point."""


def fill(floor: GymFloor, people: int = 5) -> None:
    for number in range(people):
        person = floor.register(f"person-{number}")
        session = floor.start(person, number)
        for sequence in range(10):
            floor.send(person, session, sequence, ae(NOON_MS + sequence * 1000, seed=sequence))
        floor.send(person, session, 77, b"ae nonsense")
        floor.label(person, session, NOON_MS, NOON_MS + 5000)


def reference(floor: GymFloor) -> dict[str, list[tuple[object, ...]]]:
    store = SqliteViews(floor.folder / "reference" / "views.db")
    floor.new_worker(store).catch_up()
    rows = dump(store)
    store.close()
    return rows


def dying_behind(survive: int) -> Callable[[ViewTables, RowBuffer], None]:
    """A `ViewTables.write` that kills the process when it was called once more than `survive` times."""
    genuine = ViewTables.write
    writes = iter(range(10_000))

    def dying(tables: ViewTables, buffer: RowBuffer) -> None:
        genuine(tables, buffer)
        if next(writes) == survive:
            raise Killed

    return dying


def test_killed_at_any_statement_of_a_write_nothing_is_lost_or_folded_twice(floor: GymFloor) -> None:
    fill(floor)
    expected = reference(floor)
    for survive in range(0, 60, 7):
        store = SqliteViews(floor.folder / f"killed-{survive}" / "views.db")
        dying = dying_behind(survive)
        with patch("kinelog.projections.worker.BATCH_EVENTS", 9), patch.object(ViewTables, "write", dying):
            try:
                floor.new_worker(store).catch_up()
            except Killed:
                store.close()  # the connection dies with the process; its transaction never committed
                store = SqliteViews(floor.folder / f"killed-{survive}" / "views.db")
        floor.new_worker(store).catch_up()
        assert dump(store) == expected
        store.close()


def test_killed_behind_the_commit_nothing_is_folded_twice(floor: GymFloor) -> None:
    fill(floor)
    expected = reference(floor)
    genuine = SqliteViews.apply

    def dying(store: SqliteViews, batches: Iterable[Batch]) -> None:
        genuine(store, batches)
        raise Killed

    with patch("kinelog.projections.worker.BATCH_EVENTS", 9), patch.object(SqliteViews, "apply", dying):
        for _ in range(5):
            with pytest.raises(Killed):
                floor.worker.step()
    floor.project()
    assert dump(floor.store) == expected


def test_two_workers_by_accident_do_no_harm(floor: GymFloor) -> None:
    store = SqliteViews(floor.views_path)
    second = floor.new_worker(store)
    with patch("kinelog.projections.worker.BATCH_EVENTS", 7):
        for number in range(6):
            person = floor.register(f"person-{number}")
            session = floor.start(person, number)
            for sequence in range(10):
                floor.send(person, session, sequence, ae(NOON_MS + sequence * 1000))
                (floor.worker if sequence % 2 else second).step()
        floor.project()
        second.catch_up()
    assert dump(floor.store) == reference(floor)
    store.close()


def test_a_batch_that_another_worker_has_written_is_not_written_again(floor: GymFloor) -> None:
    fill(floor)
    floor.worker.step()
    floor.register("somebody")
    store = SqliteViews(floor.views_path)
    second = floor.new_worker(store)
    genuine = SqliteViews.apply

    def slow(own: SqliteViews, batches: Iterable[Batch]) -> None:
        with patch.object(SqliteViews, "apply", genuine):
            floor.worker.catch_up()  # the other one is faster, between this one's fold and its write
        genuine(own, batches)

    with patch.object(SqliteViews, "apply", slow):
        assert second.step() == 1
    assert second.step() == 0
    assert dump(floor.store) == reference(floor)
    store.close()


def test_workers_share_the_shards(floor: GymFloor) -> None:
    fill(floor)
    stores = [SqliteViews(floor.views_path) for _ in range(2)]
    for store, shards in zip(stores, ((0, 1), (2, 3)), strict=True):
        ProjectionWorker(floor.journal, floor.codec, store, shards).catch_up()
    assert dump(floor.store) == reference(floor)
    for store in stores:
        store.close()


def test_another_incarnation_of_the_log_starts_the_views_anew(floor: GymFloor) -> None:
    fill(floor)
    floor.project()
    floor.journal.incarnation = "restored"
    floor.new_worker(floor.store).catch_up()
    assert {generation.incarnation for generation in floor.store.generations()} == {"restored"}
    assert dump(floor.store) == reference(floor)


def test_older_codes_tables_are_folded_anew_and_newer_ones_are_left_alone(floor: GymFloor) -> None:
    fill(floor)
    newer = tuple(replace(view, version=view.version + 1) for view in ALL_VIEWS)
    floor.project()
    ProjectionWorker(floor.journal, floor.codec, floor.store, views=newer).catch_up()
    assert {generation.version for generation in floor.store.generations()} == {view.version for view in newer}
    with pytest.raises(NewerViewsError):
        floor.new_worker(floor.store).step()
    with pytest.raises(ViewsUnavailableError):
        floor.read_side.session(TENANT, "x")


def test_a_shard_that_cannot_be_read_holds_up_nobody_else(floor: GymFloor) -> None:
    fill(floor)
    genuine = MemoryJournal.read

    def damaged(journal: MemoryJournal, shard: int, after: int, limit: int) -> list[Positioned]:
        if shard == 1:
            raise CorruptError("shard 1", "damaged")
        return genuine(journal, shard, after, limit)

    with patch.object(MemoryJournal, "read", damaged):
        floor.project()
    heads = {shard: floor.journal.head(shard) for shard in range(4)}
    assert floor.read_side.as_of() == heads | {1: 0}
    floor.project()
    assert floor.read_side.as_of() == heads


def test_reading_before_there_are_views_says_so(floor: GymFloor) -> None:
    side = SqliteReadSide(floor.folder / "nowhere" / "views.db")
    with pytest.raises(ViewsUnavailableError, match="no views yet"):
        side.as_of()


class AwayError(Exception):
    """The store does not answer."""


def test_a_worker_waits_out_a_store_that_is_away_says_so_once_and_goes_on(
    floor: GymFloor, caplog: pytest.LogCaptureFixture
) -> None:
    fill(floor)
    stop, refusals = threading.Event(), iter([True] * 3)

    class Distant(SqliteViews):
        passing = (AwayError,)

        @override
        def apply(self, batches: Iterable[Batch]) -> None:
            if next(refusals, False):
                raise AwayError("no quorum")
            super().apply(batches)
            stop.set()

    store = Distant(floor.folder / "distant" / "views.db")
    with (
        caplog.at_level("INFO"),
        patch("kinelog.projections.worker.FIRST_PAUSE_S", 0.001),
    ):
        worker = floor.new_worker(store)
        worker.run(stop)
    assert next(refusals, None) is None, "it must have met every refusal"
    worker.catch_up()
    assert dump(store) == reference(floor)
    assert caplog.text.count("no quorum") == 1
    assert caplog.text.count("answers again") == 1
    store.close()
