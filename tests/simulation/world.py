"""The simulated world: phones, a network, one or two owners of a shard, a store and a key store, all from one seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random

from kinelog.actors.answers import Answer
from kinelog.actors.messages import Pending, Release
from kinelog.actors.recovery import Recoverer
from kinelog.actors.rules import DOMAIN_RULES, Rules
from kinelog.actors.settings import ShardSettings
from kinelog.actors.shard_machine import ShardMachine
from kinelog.domain.identifiers import Person
from kinelog.domain.limits import Limits
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.memory_journal import MemoryJournal
from kinelog.journal.port import Journal

from tests.simulation.clockwork import START_MS, Clockwork
from tests.simulation.history import History
from tests.simulation.keys import MemoryKeys
from tests.simulation.memory_store import MemoryStore
from tests.simulation.node import Node
from tests.simulation.node_store import SHARD, NodeStore
from tests.simulation.phone import Phone, Request, script
from tests.simulation.plan import Plan, plan_of

LIMITS = Limits(silence_ms=20_000)
END_MS = 240_000


@dataclass(frozen=True, slots=True)
class Variant:
    """What the owners run: by default everything as it is; a broken variant must be found out."""

    machine: type[ShardMachine] = ShardMachine
    rules: Rules = DOMAIN_RULES
    judges_by_head: bool = False
    recovery_journal: Callable[[Journal], Journal] = lambda journal: journal


AS_IT_IS = Variant()


class World:
    """Everything, and the ways it can go wrong."""

    def __init__(self, seed: int, variant: Variant = AS_IT_IS, trace: Callable[[str], None] | None = None) -> None:
        self.rng = Random(seed)
        self.plan: Plan = plan_of(self.rng)
        self.clockwork = self.make_clockwork()
        self.journal = self.make_journal()
        self.keys = MemoryKeys()
        self.codec = EventCodec(self.keys)
        self.history = History(seed, self.journal, self.keys)
        self.judges_by_head = variant.judges_by_head
        self.requests: dict[int, Request] = {}
        self._variant = variant
        self._trace = trace
        self.nodes = self.make_nodes()
        self.phones = [self._phone() for _ in range(self.plan.users)]

    # ── running ──────────────────────────────────────────────────────────────────────────────────────────────────

    def run(self) -> History:
        """Run until everything is said, heard and settled, or it is clear that it never will be."""
        self.note(str(self.plan))
        self._schedule()
        healed = START_MS + self.plan.healed_ms
        self.clockwork.run_until(healed)
        self._heal()
        survivor = self._survivor()
        while self.clockwork.now_ms < START_MS + END_MS and not self._settled():
            self.clockwork.run_until(self.clockwork.now_ms + 1_000)
        for phone in self.phones:
            self.history.complaints += [
                f"{phone.person.pseudonym[-2:]}: never answered: {request.make(0)}"
                for stage in phone.stages
                for request in stage
                if not request.done
            ]
        # The sessions that nobody ended fall silent now; the shard has to find them.
        self.clockwork.run_until(self.clockwork.now_ms + LIMITS.silence_ms + 15_000)
        survivor.record_residents()
        survivor.tell(survivor.life, Release())
        self.clockwork.run_until(self.clockwork.now_ms + 10_000)
        if not survivor.released:
            self.history.complaints.append("the survivor did not let go of the shard")
        return self.history

    def _schedule(self) -> None:
        first, *others = self.nodes
        first.boot()
        for second in others:
            self.clockwork.later(self.rng.randint(0, 8_000), partial(self._boot, second))
        for phone in self.phones:
            self.clockwork.later(self.rng.randint(0, 3_000), partial(self._send_all, phone.stages[0]))
        for _ in range(self.plan.crashes):
            self.clockwork.later(self.rng.randint(100, 12_000), partial(self._crash, self.rng.choice(self.nodes)))
        for _ in range(self.plan.pauses):
            length = self.rng.randint(50, 4_000)
            self.clockwork.later(self.rng.randint(100, 12_000), partial(self.rng.choice(self.nodes).pause, length))

    def _crash(self, node: Node) -> None:
        if node.up:
            self.crash(node)

    def crash(self, node: Node) -> None:
        """Crash a node; it comes back after a while."""
        node.crash()
        self.clockwork.later(self.rng.randint(1, 2_000), partial(self._boot, node))

    def _boot(self, node: Node) -> None:
        if not node.up and (self.faulty or node is self._survivor()):
            node.boot()

    def _heal(self) -> None:
        self.note("nothing goes wrong from here on")
        survivor = self._survivor()
        for node in self.nodes:
            if node is not survivor:
                node.crash()
        self._boot(survivor)

    def _survivor(self) -> Node:
        return self.nodes[-1] if self.plan.second_survives else self.nodes[0]

    def _settled(self) -> bool:
        return all(phone.done for phone in self.phones)

    @property
    def faulty(self) -> bool:
        """Whether things still go wrong."""
        return self.clockwork.now_ms < START_MS + self.plan.healed_ms

    # ── what nodes need ──────────────────────────────────────────────────────────────────────────────────────────

    def make_machine(self) -> ShardMachine:
        """A machine that knows nothing yet."""
        settings = ShardSettings(
            commit_commands=self.rng.choice((1, 3, 100)),
            recoveries=self.rng.choice((1, 2, 50)),
            abandonments=self.rng.choice((1, 20)),
            gather_share=0.5 if self.plan.slow_store_ms > 50 else 0.0,
            idle_ms=3_000,
            resident_entities=self.plan.resident_entities,
            snapshot_every=3,
            release_snapshot_from=1,
            shard_snapshot_every=7,
            backoff_ms=100,
            backoff_limit_ms=2_000,
        )
        return self._variant.machine(SHARD, LIMITS, settings, self._variant.rules)

    def make_nodes(self) -> list[Node]:
        """Who runs the shard."""
        return [Node(self, name) for name in ("first", "second")[: 1 + self.plan.two_owners]]

    def make_clockwork(self) -> Clockwork:
        """The run's time."""
        return Clockwork()

    def make_journal(self) -> Journal:
        """The log, as whoever reads it sees it."""
        return MemoryJournal(shards=1)

    def make_store(self, _node: Node) -> NodeStore:
        """A node's way to the log, for one of its lives."""
        return MemoryStore(self)

    def happens(self, chance: float) -> bool:
        """Whether a fault strikes now."""
        return chance > 0 and self.faulty and self.rng.random() < chance

    def store_delay(self) -> int:
        """How long the store takes, ms."""
        return self.rng.randint(0, self.plan.slow_store_ms if self.faulty else 10)

    def make_recoverer(self, journal: Journal) -> Recoverer:
        """What reads entities for a node."""
        return Recoverer(self._variant.recovery_journal(journal), self.keys, self.codec, DOMAIN_RULES)

    def person(self, tenant: str, pseudonym: str) -> Person:
        """A person by tenant and pseudonym."""
        return Person(tenant, pseudonym)

    def ticket(self, ticket: object) -> int:
        """A ticket is a number."""
        if not isinstance(ticket, int):
            raise TypeError(repr(ticket))
        return ticket

    def note(self, line: str) -> None:
        """Tell whoever replays this seed what happens."""
        if self._trace is not None:
            self._trace(f"{self.clockwork.now_ms - START_MS:>7} {line}")

    # ── phones and the network ───────────────────────────────────────────────────────────────────────────────────

    def _phone(self) -> Phone:
        person = Person("demo", self.keys.enrol("demo", ""))
        return script(person, self.rng, START_MS)

    def _phone_of(self, request: Request) -> Phone:
        return next(phone for phone in self.phones if phone.person == request.person)

    def _send_all(self, requests: list[Request]) -> None:
        for request in requests:
            self._send(request)

    def _send(self, request: Request) -> None:
        if request.done:
            return
        request.attempts += 1
        copies = 2 if self.happens(self.plan.message_doubled) else 1
        for _ in range(copies):
            if not self.happens(self.plan.message_lost):
                self.clockwork.later(self._network_delay(), partial(self._arrive, request, self._addressee()))
        self.clockwork.later(self.rng.randint(1_500, 3_000), partial(self._send_again, request, request.attempts))

    def _addressee(self) -> Node:
        # While there are two owners, the network does not know which is the right one.
        return self.rng.choice(self.nodes) if self.faulty else self._survivor()

    def _send_again(self, request: Request, attempt: int) -> None:
        if request.attempts == attempt:
            self._send(request)

    def _arrive(self, request: Request, node: Node) -> None:
        number = len(self.requests)
        self.requests[number] = request
        node.take(Pending(request.person, request.make(self.clockwork.now_ms), number))

    def answer(self, request: Request, answer: Answer) -> None:
        """Send an answer back to the phone."""
        if not self.happens(self.plan.message_lost):
            self.clockwork.later(self._network_delay(), partial(self._hear, request, answer))

    def _hear(self, request: Request, answer: Answer) -> None:
        if request.done:
            return
        if request.hear(answer):
            self._send_all(self._phone_of(request).advance())
        else:
            self.clockwork.later(self.rng.randint(100, 700), partial(self._send_again, request, request.attempts))

    def _network_delay(self) -> int:
        slow = self.plan.slow_network_ms if self.faulty else 20
        return self.rng.randint(0, slow)


def simulate(seed: int, variant: Variant = AS_IT_IS, trace: Callable[[str], None] | None = None) -> History:
    """Run one seed."""
    return World(seed, variant, trace).run()
