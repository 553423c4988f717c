"""Workers that die, pause and overtake one another between any two writes leave the tables that one worker makes."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pytest

from tests.projections.cassandra_floor import Dump, dump_tables, empty_tables, worker_over
from tests.projections.gym_floor import GymFloor
from tests.projections.test_rebuild import PEOPLE, SESSIONS, History

WORKERS = 3
DEEPEST = 2
"""Workers that are paused in one another's writes at once."""

ACTIONS = (
    "start", "frame", "frame", "frame", "late", "bad", "label", "correct", "correct", "unset", "end", "abandon",
    "delete", "delete", "erase", "gym",
)  # fmt: skip


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
        self.cut_short = False
        """Whether a worker died in a write while somebody was erased."""
        for who in range(PEOPLE):
            self.played.play("start", who, 0, 1)

    def run(self, steps: int) -> None:
        for _ in range(steps):
            if self.random.random() < 0.3:
                self.let_one_work()
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
        with patch("kinelog.projections.worker.BATCH_EVENTS", 3 + seed % 7):
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
