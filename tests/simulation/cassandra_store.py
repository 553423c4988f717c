"""The log in a model of a cluster: a node runs the adapter's own procedures against it, one statement at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from kinelog.actors import effects, messages
from kinelog.actors.effect_runner import _failed_commit
from kinelog.actors.messages import Message
from kinelog.cassandra_session.errors import CassandraError
from kinelog.journal.cassandra.journal import CassandraJournal, CassandraLog
from kinelog.journal.cassandra.log_identity import LogIdentity
from kinelog.journal.cassandra.procedures import Appended, Granted, Steps
from kinelog.journal.cassandra.requests import Append, OpenBucket, RaiseEpoch, ReadBucket, Reply, Request
from kinelog.journal.cassandra.snapshots import CassandraSnapshots
from kinelog.journal.commit_row import pack
from kinelog.journal.errors import JournalError
from kinelog.journal.records import Outcome
from kinelog.privacy.errors import ErasedPersonError
from typing_extensions import override

from tests.simulation.cluster.client import Client
from tests.simulation.cluster.fence_statements import reply_of, statement_of
from tests.simulation.cluster.link import Answer
from tests.simulation.history import Acquisition, Application, Look, Proof
from tests.simulation.node_store import SHARD, Done, LogEffect, NodeStore
from tests.simulation.procedure_run import Heard, ProcedureRun

if TYPE_CHECKING:
    from tests.simulation.cluster_world import ClusterWorld
    from tests.simulation.node import Node

T = TypeVar("T")

INCARNATION = "only"
IDENTITY = LogIdentity(1, INCARNATION)


class CassandraStore(NodeStore):
    """What one life of a node knows of the log, as the adapter keeps it: its buckets, where the next commit goes."""

    def __init__(self, world: ClusterWorld, node: Node) -> None:
        self.world = world
        self._node = node
        self._life = node.life
        client = Client(world.link, lambda: node.up and node.life == self._life, lambda: node.awake)
        log = CassandraLog(client, IDENTITY, bucket_bytes=world.faults.bucket_bytes)
        self._fence = world.fence
        self._shard = log.shards[SHARD]
        self._tails = world.variant.recovery(client, INCARNATION, 1, log.reader, world.faults.tail_bytes)
        self._background: deque[Callable[[], None]] = deque()
        self._working = False
        self._look: Look | None = None
        self.journal = CassandraJournal(log, self._tails, CassandraSnapshots(client, INCARNATION))
        self.recoverer = world.make_recoverer(self.journal)
        self._performing: dict[type[LogEffect], Callable[..., None]] = {
            effects.Commit: self._commit,
            effects.ProveOwnership: self._prove,
            effects.Acquire: self._acquire,
            effects.Judge: self._judge,
        }

    @override
    def in_background(self, work: Callable[[], None]) -> None:
        # One thread: who waits for the cluster lets time go by, and others of this process come after that.
        self._background.append(work)
        if self._working:
            return
        self._working = True
        while self._background and self._node.up and self._node.life == self._life:
            self._background.popleft()()
        self._working = False

    @override
    def perform(self, effect: LogEffect, owner: str, done: Done) -> None:
        self._performing[type(effect)](effect, owner, done)

    # ── effects ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _acquire(self, _effect: effects.Acquire, owner: str, done: Done) -> None:
        self._shard.place, self._shard.owner = None, owner

        def ended(result: Granted | JournalError) -> None:
            if isinstance(result, JournalError):
                done(messages.AcquireFailed())
            else:
                self._shard.place = result.place
                self._tails.forget(SHARD)
                done(messages.Acquired(result.acquired.epoch, result.acquired.head))

        self._run(self._fence.acquire(SHARD, owner, self._shard.known), owner, ended)

    def _commit(self, effect: effects.Commit, owner: str, done: Done) -> None:
        world = self.world
        if len(effect.events) > world.plan.commit_events:
            world.clockwork.later(0, partial(done, messages.CommitTooLarge()))
            return
        try:
            stored = [world.codec.seal(entity, sequence, event) for entity, sequence, event in effect.events]
        except ErasedPersonError as error:
            missing = messages.KeyMissing(world.person(error.tenant, error.pseudonym))
            world.clockwork.later(0, partial(done, missing))
            return
        row, runs = pack(SHARD, effect.after, effect.epoch, effect.commit_id, stored)

        def ended(result: Appended | JournalError) -> None:
            if isinstance(result, JournalError):
                done(_failed_commit(result))
            else:
                self._shard.place = result.place
                self._tails.committed(row, runs)
                done(messages.Committed(result.last))

        def go() -> None:
            # Taken out: if anything goes wrong nothing is known for certain any more.
            place, self._shard.place = self._shard.place, None
            self._run(self._fence.commit(row, place, owner, self._shard.known), owner, ended)

        def make_room() -> None:
            try:
                self._tails.make_room(SHARD)
            except JournalError as error:
                world.clockwork.later(0, partial(done, _failed_commit(error)))
            else:
                self._node.when_awake(self._life, go)

        if self._tails.has_room(SHARD):
            go()
        else:
            self.in_background(make_room)

    def _judge(self, effect: effects.Judge, owner: str, done: Done) -> None:
        def ended(result: Outcome | JournalError) -> None:
            done(messages.JudgeFailed() if isinstance(result, JournalError) else messages.Judged(result))

        steps = self._fence.outcome(SHARD, effect.epoch, effect.after, effect.commit_id, self._shard.known)
        self._run(steps, owner, ended)

    def _prove(self, effect: effects.ProveOwnership, owner: str, done: Done) -> None:
        def ended(owned: object) -> None:
            message: Message = messages.ProofFailed()
            if owned is True and self._look is not None:
                # The proof is as old as the last read that it rests on, not as the end of it.
                entries = self.world.history.entries
                entries[entries.index(self._look)] = Proof(self._look.at_ms, owner, effect.epoch)
                message = messages.Owned()
            elif owned is False:
                message = messages.Fenced()
            done(message)

        self._run(self._fence.owns(SHARD, effect.epoch, self._shard.known), owner, ended)

    # ── statements ───────────────────────────────────────────────────────────────────────────────────────────────

    def _run(self, steps: Steps[T], owner: str, ended: Callable[[T | JournalError], None]) -> None:
        ProcedureRun(self._node, partial(self._send, owner), steps, ended).start()

    def _send(self, owner: str, request: Request, heard: Heard) -> None:
        statement, values = statement_of(request)
        self.world.note(f"{owner}         {request}")

        def observe(answer: Answer) -> None:
            self._observe(owner, request, reply_of(request, answer))

        def answered(answer: Answer | CassandraError) -> None:
            heard(answer if isinstance(answer, CassandraError) else reply_of(request, answer))

        self.world.link.send(statement, values, observe, answered)

    def _observe(self, owner: str, request: Request, reply: Reply) -> None:
        """Write down what the store did, at the moment it did it, whether or not anybody hears of it."""
        history, now_ms = self.world.history, self.world.clockwork.now_ms
        match request:
            case Append() if reply is True:
                row = request.row
                history.entries.append(Application(now_ms, owner, row.epoch, row.commit_id, row.first, row.last))
                self.world.truth.appended(row)
            case RaiseEpoch() | OpenBucket() if reply is True:
                # Who opens a bucket under the epoch it has anyway acquires nothing.
                if self.world.truth.newest != (request.epoch, owner):
                    self.world.truth.newest = (request.epoch, owner)
                    history.entries.append(Acquisition(now_ms, owner, request.epoch))
            case ReadBucket():
                self._look = Look(now_ms, owner, len(history.entries))
                history.entries.append(self._look)
