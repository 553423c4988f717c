"""A shard's log, its index, indexers, rebuilds and recoveries, each stopped anywhere while others go on.

Every statement of everybody is a place where others get a turn: they run from there, perhaps to their own end, and only
then does the statement go out. Statements fail without effect, or with, or have their effect much later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from unittest.mock import patch

from kinelog.cassandra_session.connection import Access, Statement, Value
from kinelog.cassandra_session.errors import UnreachableError
from kinelog.journal.cassandra import entity_blocks, entity_events, log_rows, log_tail
from kinelog.journal.cassandra.entity_events import EntityEvents
from kinelog.journal.cassandra.entity_recovery import EntityRecovery
from kinelog.journal.cassandra.indexer import Indexer, IndexRebuild
from kinelog.journal.cassandra.schema import LOG_SCHEMA
from kinelog.journal.commit_row import CommitRow, pack
from kinelog.journal.errors import UnavailableError
from kinelog.journal.records import Positioned, StoredEvent

from tests.journal.model_connection import ModelConnection, model_cluster
from tests.journal.stored_events import stored

SHARD = 1
ENTITIES = ("demo/a", "demo/b", "demo/b/session", "demo/c")
DEEPEST = 3
SMALL_BLOCK = 4_000

Replay = Callable[[EntityRecovery, str, int], Iterator[Positioned]]


@contextmanager
def small_blocks() -> Iterator[None]:
    """Blocks, rows, stretches and reads of a few events, so that a short log has many of each."""
    with (
        patch.multiple(entity_blocks, BLOCK_BYTES=SMALL_BLOCK, BLOCK_COMMITS=4, ROW_BYTES=400, STRETCH_EVENTS=5),
        patch.multiple(log_tail, BLOCK_BYTES=SMALL_BLOCK, POLL_BYTES=500),
        patch.object(entity_events, "READ_ROWS", 2),
        patch.object(log_rows, "FEWEST_ROWS", 2),
    ):
        yield


class ModelLog:
    """The commits of one shard, as the log's adapter would read them."""

    def __init__(self, before: Callable[[], None] = lambda: None, commits: list[CommitRow] | None = None) -> None:
        self.before = before
        self.commits: list[CommitRow] = [] if commits is None else commits

    def rows(self, shard: int, after: int, limit: int) -> list[CommitRow]:
        assert shard == SHARD
        self.before()
        return [row for row in self.commits if row.last > after][:limit]


class IndexWorld:
    """Everybody who has to do with one shard's index.

    Attributes:
        events: What each entity's replay must give.
    """

    def __init__(self, rng: Random, replay: Replay | None = None) -> None:
        """Start with an empty log; `replay` is what is tried instead of the real one."""
        self._rng = rng
        self._replay = replay or (lambda recovery, entity, after: recovery.replay(SHARD, entity, after))
        self._cluster = model_cluster(LOG_SCHEMA.migrations[0].statements)
        self._commits: list[CommitRow] = []
        self.events: dict[str, list[Positioned]] = {entity: [] for entity in ENTITIES}
        self._busy: list[str] = []
        self._late: list[tuple[Statement, tuple[Value, ...]]] = []
        self.faults = True
        self._recoveries = {name: self._recovery(name) for name in ("owner", "reader")}
        self._indexers = {name: self._indexer(name) for name in ("indexer", "stale indexer")}
        self.replays = 0

    def run(self, turns: int) -> None:
        """Give everybody turns, then check all replays with nothing going on and everything late done."""
        for _ in range(turns):
            self._turn()
        self.faults = False
        for late in self._late:
            self._cluster.ask(*late)
        for name in (*self._recoveries, "new"):
            recovery = self._recoveries.get(name) or self._recovery(name)
            for entity in ENTITIES:
                for after in (0, len(self.events[entity]) // 2, len(self.events[entity])):
                    self._check(recovery, entity, after)

    # ── who does what ────────────────────────────────────────────────────────────────────────────────────────────

    def _turn(self) -> None:
        acts: list[tuple[str, Callable[[], None]]] = [
            ("writer", self._commit),
            ("writer", self._commit),
            *((name, lambda name=name: self._recover(name)) for name in self._recoveries),
            *((name, lambda name=name: self._step(name)) for name in self._indexers),
            ("late", self._arrive),
        ]
        if self._rng.random() < 0.2:
            acts = [("rebuild", self._rebuild), ("forget", self._forget), ("restart", self._restart)]
        name, act = self._rng.choice(acts)
        self._alone(name, act)

    def _alone(self, name: str, act: Callable[[], None]) -> None:
        """Nobody is in two places: one thread plays everybody, and would wait for itself."""
        if name in self._busy:
            return
        self._busy.append(name)
        try:
            act()
        except UnavailableError:
            assert self.faults
        finally:
            self._busy.remove(name)

    def _commit(self) -> None:
        owner = self._recoveries["owner"]
        if not owner.has_room(SHARD):
            self._alone("owner", lambda: owner.make_room(SHARD))
            return
        head = self._commits[-1].last if self._commits else 0
        batch: list[StoredEvent] = []
        for _ in range(self._rng.randint(1, 4)):
            entity = self._rng.choice(ENTITIES)
            for _ in range(self._rng.choice((1, 1, 2, 7))):
                known = len(self.events[entity]) + sum(event.entity == entity for event in batch)
                batch.append(stored(entity, known + 1, self._rng.randbytes(self._rng.choice((0, 30, 300)))))
        row, runs = pack(SHARD, head, 1, self._rng.randbytes(16), batch)
        self._commits.append(row)
        for index, event in enumerate(batch):
            self.events[event.entity].append(Positioned(head + 1 + index, event))
        if self._rng.random() < 0.8:  # else another owner's
            owner.committed(row, runs)

    def _recover(self, name: str) -> None:
        entity = self._rng.choice(ENTITIES)
        after = self._rng.randint(0, len(self.events[entity]))
        self._check(self._recoveries[name], entity, after)

    def _check(self, recovery: EntityRecovery, entity: str, after: int) -> None:
        before = len(self.events[entity])
        found = list(self._replay(recovery, entity, after))
        self.replays += 1
        assert found == self.events[entity][after : after + len(found)], "other events than were committed"
        assert after + len(found) >= before, "events that were committed before are missing"

    def _step(self, name: str) -> None:
        self._indexers[name].step()

    def _rebuild(self) -> None:
        rebuild = IndexRebuild(self._index("rebuild"), self._log("rebuild"), SHARD)
        if self._rng.random() < 0.3:
            rebuild.start_over()
        else:
            rebuild.run(lambda _done, _all: None, lambda: self._rng.random() < 0.05)

    def _forget(self) -> None:
        self._recoveries["owner"].forget(SHARD)

    def _restart(self) -> None:
        name = self._rng.choice(("owner", "reader", "indexer", "stale indexer"))
        if name in self._busy:
            return
        if name in self._recoveries:
            self._recoveries[name] = self._recovery(name)
        else:
            self._indexers[name] = self._indexer(name)

    def _arrive(self) -> None:
        if self._late:
            self._cluster.ask(*self._late.pop(self._rng.randrange(len(self._late))))

    # ── what goes on in between ──────────────────────────────────────────────────────────────────────────────────

    def _others(self) -> None:
        while self.faults and len(self._busy) < DEEPEST and self._rng.random() < 0.35:
            self._turn()

    def _before(self, statement: Statement, values: tuple[Value, ...]) -> None:
        self._others()
        if self.faults and self._rng.random() < 0.04:
            if statement.access is Access.WRITE:
                fate = self._rng.choice(("lost", "applied", "late"))
                if fate == "applied":
                    self._cluster.ask(statement, values)
                elif fate == "late":
                    self._late.append((statement, values))
            raise UnreachableError("no answer")

    def _connection(self) -> ModelConnection:
        return ModelConnection(self._cluster, self._before, self._rng.shuffle)

    def _index(self, _name: str) -> EntityEvents:
        return EntityEvents(self._connection(), "incarnation")

    def _log(self, _name: str) -> ModelLog:
        return ModelLog(self._others, self._commits)

    def _recovery(self, name: str) -> EntityRecovery:
        return EntityRecovery(self._connection(), "incarnation", SHARD + 1, self._log(name), tail_bytes=2 * SMALL_BLOCK)

    def _indexer(self, name: str) -> Indexer:
        return Indexer(self._index(name), self._log(name), [SHARD])
