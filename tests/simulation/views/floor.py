"""A gym floor whose log grows while workers fold it; people come, train, correct, delete and are erased."""

from __future__ import annotations

from random import Random

from kinelog.domain import commands as ask
from kinelog.domain.decider import State
from kinelog.domain.identifiers import Person
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.memory_journal import MemoryJournal
from kinelog.projections.view_store import ViewStore
from kinelog.projections.views import ALL_VIEWS
from kinelog.projections.worker import ProjectionWorker
from typing_extensions import override

from tests.projections.gym_floor import NOON_MS, TENANT, GymFloor
from tests.projections.test_rebuild import PEOPLE, SESSIONS, History
from tests.simulation.keys import MemoryKeys

SHARDS = 2
ACTIONS = (
    "start", "frame", "frame", "frame", "late", "bad", "label", "correct", "correct", "unset", "end", "abandon",
    "delete", "delete", "erase", "gym",
)  # fmt: skip


class SimulatedFloor(GymFloor):
    """The floor without any file: log and keys in memory, pseudonyms by number."""

    def __init__(self) -> None:
        self.journal = MemoryJournal(SHARDS)
        self.journal.incarnation = "only"
        self.memory_keys = MemoryKeys()
        self.keys = self.memory_keys
        self.codec = EventCodec(self.memory_keys)
        self.now_ms = NOON_MS
        self._states: dict[str, State] = {}
        self._sequences: dict[str, int] = {}
        self._epochs = {shard: self.journal.acquire(shard, "floor").epoch for shard in range(SHARDS)}
        self.tenant = Person(TENANT, "@")
        self.memory_keys.enrol_as(TENANT, "@")
        self.ask(self.tenant, ask.CreateTenant(at_ms=self.now_ms, name="Iron Works"))
        self.history = History(self)
        self._last = 0
        for who in range(PEOPLE):
            self.history.play("start", who, 0, 1)

    @override
    def new_worker(self, store: ViewStore) -> ProjectionWorker:
        return ProjectionWorker(self.journal, self.codec, store, clock=lambda: self.now_ms, views=ALL_VIEWS)

    def erase_somebody(self, rng: Random) -> None:
        """Somebody does not want to be known any more: mostly whoever did something last."""
        who = self._last if rng.random() < 0.7 else rng.randrange(PEOPLE)
        self.history.play("erase", who, 0, 0)

    def go_on(self, rng: Random) -> None:
        """Somebody does something, or comes for the first time."""
        who = self._last = rng.randrange(PEOPLE)
        if self.history.people[who] is None:
            self.history.people[who] = self.register("")
            self.history.play("start", who, rng.randrange(SESSIONS), 1)
            return
        number = 0 if rng.random() < 0.3 else rng.randrange(13)  # 0 erases, deletes, is the first frame
        self.history.play(rng.choice(ACTIONS), who, rng.randrange(SESSIONS), number)
