"""Workers that die, pause and overtake one another between any two writes leave the tables that one worker makes."""

from __future__ import annotations

import random
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pytest
from kinelog.cassandra_session.connection import Access, Statement
from kinelog.cassandra_session.errors import UnknownWriteError, UnreachableError
from kinelog.projections.cassandra.registry import Registry
from kinelog.projections.errors import RebuildRunningError, ViewsMovedError
from kinelog.projections.rebuild import Rebuild, RebuildProgress
from kinelog.projections.view_store import CANDIDATE, LIVE, CatchUp, Generation
from kinelog.projections.views import ALL_VIEWS

from tests.projections.cassandra_floor import Clock, Dump, dump_tables, empty_tables, store_over, worker_over
from tests.projections.gym_floor import NOON_MS, GymFloor
from tests.projections.test_rebuild import PEOPLE, SESSIONS, History, fill
from tests.projections.watch_frames import ae

WORKERS = 3
BUILDER = -1
DEEPEST = 2
"""Workers that are paused in one another's writes at once."""

ACTIONS = (
    "start", "frame", "frame", "frame", "late", "bad", "label", "correct", "correct", "unset", "end", "abandon",
    "delete", "delete", "erase", "gym",
)  # fmt: skip


OFFSETS = Statement("SELECT shard, position FROM {views}.offsets WHERE view_name = ? AND generation = ?", Access.READ)


class Killed(BaseException):
    """The process is gone at this point."""


class Chaos:
    """A log that grows, and workers that fold it at whatever pace."""

    def __init__(self, floor: GymFloor, seed: int) -> None:
        self.floor = floor
        self.random = random.Random(seed)
        self.tables = empty_tables()
        self.played = History(floor)
        self.workers = [worker_over(self.tables, floor) for _ in range(WORKERS)]
        self.busy: list[int] = []
        self.deaths = self.overtakings = 0
        self.rebuilt = self.rebuilds_refused = 0
        self.cut_short = False
        """Whether a worker died in a write while somebody was erased."""
        for who in range(PEOPLE):
            self.played.play("start", who, 0, 1)

    def run(self, steps: int) -> None:
        for _ in range(steps):
            drawn = self.random.random()
            if drawn < 0.3:
                self.let_one_work()
            elif drawn < 0.33 and BUILDER not in self.busy:
                self.let_somebody_rebuild()
            else:
                self.something_happens()
        self.tables.before_write = lambda: None
        for number in range(WORKERS):
            self.workers[number] = worker_over(self.tables, self.floor)
            self.workers[number].catch_up()

    def something_happens(self) -> None:
        chance = self.random
        self.played.play(
            chance.choice(ACTIONS), chance.randrange(PEOPLE), chance.randrange(SESSIONS), chance.randrange(13)
        )

    def let_one_work(self) -> None:
        idle = [number for number in range(WORKERS) if number not in self.busy]
        number = self.random.choice(idle)
        if self.random.random() < 0.3:
            self.workers[number]._seen_mark = -1  # it looks how far the others are
        self.busy.append(number)
        erasures = self.erased()
        outside, self.tables.before_write = self.tables.before_write, self.between_writes
        try:
            self.workers[number].step()
        except Killed:
            self.deaths += 1
            self.cut_short |= self.erased() != erasures
            self.workers[number] = worker_over(self.tables, self.floor)
        finally:
            self.busy.pop()
            self.tables.before_write = outside

    def let_somebody_rebuild(self) -> None:
        """A builder that may die, be overtaken, or find that its build was retired."""
        views = tuple(self.random.sample(ALL_VIEWS, 2))
        self.busy.append(BUILDER)
        erasures = self.erased()
        outside, self.tables.before_write = self.tables.before_write, self.between_writes
        try:
            Rebuild(self.floor.journal, self.floor.codec, store_over(self.tables, self.floor), views).run()
            self.rebuilt += 1
        except Killed:
            self.deaths += 1
            self.cut_short |= self.erased() != erasures
        except (RebuildRunningError, ViewsMovedError):
            self.rebuilds_refused += 1
        finally:
            self.busy.pop()
            self.tables.before_write = outside

    def erased(self) -> int:
        return self.played.people.count(None)

    def between_writes(self) -> None:
        drawn = self.random.random()
        if drawn < 0.01:
            raise Killed
        if drawn < 0.06 and len(self.busy) < DEEPEST:
            self.overtakings += 1
            for _ in range(self.random.randrange(4)):
                self.something_happens()
            for _ in range(1 + self.random.randrange(3)):
                self.let_one_work()


@contextmanager
def repeatable(seed: int) -> Iterator[None]:
    """Pseudonyms by the seed: shards follow from them, and with those what is folded together."""
    drawn = random.Random(seed)
    with patch("kinelog.privacy.key_store.secrets.token_hex", lambda count: drawn.randbytes(count).hex()):
        yield


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


def alone(floor: GymFloor) -> Dump:
    """What one worker that is left in peace makes of the log."""
    tables = empty_tables()
    with patch("kinelog.projections.worker.BATCH_EVENTS", 100_000):
        worker_over(tables, floor).catch_up()
    return dump_tables(tables)


def differences(found: Dump, expected: Dump) -> dict[str, object]:
    return {
        name: (sorted(set(found[name]) - set(rows)), sorted(set(rows) - set(found[name])))
        for name, rows in expected.items()
        if found[name] != rows
    }


@pytest.mark.parametrize("seed", range(25))
def test_whoever_dies_or_is_overtaken_the_tables_are_the_fold_of_the_log(folder: Path, seed: int) -> None:
    with repeatable(seed):
        floor = GymFloor(folder)
        size = 3 + seed % 7
        with (
            patch("kinelog.projections.worker.BATCH_EVENTS", size),
            patch("kinelog.projections.rebuild.BATCH_EVENTS", 2 * size),
        ):
            chaos = Chaos(floor, seed)
            chaos.run(150)
    try:
        found, expected = dump_tables(chaos.tables), alone(floor)
        if chaos.cut_short:  # what such a worker left in the live stream goes with the stream's old blocks
            found["live_by_gym"] = [row for row in found["live_by_gym"] if row in expected["live_by_gym"]]
        assert differences(found, expected) == {}
        assert chaos.overtakings
    finally:
        floor.close()


def test_a_candidate_never_shows_less_than_the_live_generation_it_will_replace(floor: GymFloor) -> None:
    fill(floor)
    tables = empty_tables()
    worker, builder = worker_over(tables, floor), store_over(tables, floor)
    worker.catch_up()
    build = Rebuild(floor.journal, floor.codec, builder)
    person = floor.register("late")
    sequence = iter(range(1000))
    session = floor.start(person, 900)
    watched: list[int] = []

    def progress(_: RebuildProgress) -> None:
        floor.send(person, session, next(sequence), ae(NOON_MS))

    def look() -> None:
        document = Registry(tables).read().document
        offsets: dict[str, dict[int, int]] = {}
        for found in document.generations:
            rows = tables.ask(OFFSETS, (found.view, found.generation))
            offsets[f"{found.view} {found.state}"] = {int(shard or 0): int(at or 0) for shard, at in rows}
        for found in document.generations:
            if found.state == CANDIDATE and joined:
                live = offsets[f"{found.view} {LIVE}"]
                candidate = offsets[f"{found.view} {CANDIDATE}"]
                assert all(candidate.get(shard, 0) >= position for shard, position in live.items())
                watched.append(1)

    joined = False
    genuine = builder.switch

    def switch(fresh: Sequence[Generation], catch_up: CatchUp) -> bool:
        nonlocal joined
        builder._generations.announce(fresh)
        for _ in range(8):
            worker.step()  # it hears of the candidate
        joined = True
        for _ in range(5):
            progress(RebuildProgress(0, 0))
            worker.step()
        return genuine(fresh, catch_up)

    with patch.object(builder, "switch", switch):
        tables.before_write = look
        assert build.run(progress)
    assert watched
    tables.before_write = lambda: None
    for _ in range(8):
        worker.step()
    worker.catch_up()
    assert dump_tables(tables) == alone(floor)


def test_a_worker_whose_tables_were_dropped_goes_on_with_those_that_are_live(floor: GymFloor) -> None:
    fill(floor)
    tables = empty_tables()
    worker = worker_over(tables, floor)
    worker.catch_up()
    store = store_over(tables, floor, clock := Clock())
    assert Rebuild(floor.journal, floor.codec, store).run()
    clock.sleep(60)
    assert any(store.scrub() for _ in ALL_VIEWS)  # a generation a call, so that nobody waits long
    assert not [name for name in tables.tables if name.endswith("_1")]
    floor.register("somebody")
    for _ in range(8):
        worker.step()
    assert worker.catch_up() == 0
    assert dump_tables(tables) == alone(floor)


def test_a_worker_waits_out_a_cluster_that_does_not_answer(floor: GymFloor) -> None:
    fill(floor)
    tables = empty_tables()
    worker = worker_over(tables, floor)
    writes = iter(range(10_000))

    def unreachable() -> None:
        number = next(writes)
        if number in {3, 60}:
            raise UnreachableError("too few replicas")
        if number == 40:
            raise UnknownWriteError("no answer in time")

    tables.before_write = unreachable
    folded = 0
    with patch("kinelog.projections.worker.LONGEST_PAUSE_S", 0.001):
        for _ in range(20):
            folded += worker._unless_away(threading.Event(), worker.step)
    assert folded == sum(floor.journal.head(shard) for shard in range(4))
    assert next(writes) > 60
    assert dump_tables(tables) == alone(floor)
