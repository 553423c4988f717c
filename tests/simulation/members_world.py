"""The simulated world with a coordinator: nodes join, leave, drain, lose their session, wake up with an old view."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from random import Random

from kinelog.actors.answers import REPEATABLE, Unavailable
from kinelog.actors.messages import Release
from typing_extensions import override

from tests.simulation.clockwork import START_MS
from tests.simulation.coordinator import SESSION_MS, Coordinator
from tests.simulation.history import Answering, History
from tests.simulation.member_node import MemberNode
from tests.simulation.node import Node
from tests.simulation.node_store import SHARD
from tests.simulation.phone import Request
from tests.simulation.plan import Plan
from tests.simulation.world import AS_IT_IS, END_MS, LIMITS, Variant, World

NAMES = ("red", "green", "blue")


@dataclass(frozen=True, slots=True)
class MemberVariant:
    """What the members run: by default everything as it is; a broken variant must be found out.

    Attributes:
        lease_at_reply: Whether answers are looked at once more where they leave.
        lease_at_acquisition: Whether a member past its lease asks the store for nothing.
        forgets: Whether a member that lost its session lets go of everything at once.
    """

    owners: Variant = AS_IT_IS
    lease_at_reply: bool = True
    lease_at_acquisition: bool = True
    forgets: bool = True


MEMBERS_AS_THEY_ARE = MemberVariant()

CALM = {
    "commit_fails": 0.0, "commit_unknown_applied": 0.0, "commit_unknown_lost": 0.0, "commit_unknown_late": 0.0,
    "store_fails": 0.0, "acquire_unknown": 0.0, "recovery_fails": 0.0, "forget_fails": 0.0,
    "crash_before_forgetting": 0.0, "crashes": 0, "pauses": 0, "slow_store_ms": 60, "slow_network_ms": 20,
}  # fmt: skip
"""What is changed in a plan so that nothing fails, and only planned moves are left."""


class MembersWorld(World):
    """Three nodes and a coordinator. Half of the worlds are calm: members come and go in order, and nothing fails."""

    nodes: list[Node]

    def __init__(
        self, seed: int, variant: MemberVariant = MEMBERS_AS_THEY_ARE, trace: Callable[[str], None] | None = None
    ) -> None:
        self.variant = variant
        self.lives = 0
        self.ending = False
        self.chance = Random(f"members {seed}")
        self.calm = self.chance.random() < 0.4
        self.stands_still = 0.0 if self.calm else self.chance.choice((0.0, 0.1, 0.3))
        super().__init__(seed, variant.owners, trace)
        self.plan: Plan = replace(self.plan, healed_ms=20_000, **(CALM if self.calm else {}))  # type: ignore[arg-type]
        self.coordinator = Coordinator(self)

    @override
    def make_nodes(self) -> list[Node]:
        return [MemberNode(self, name) for name in NAMES]

    @property
    def members(self) -> list[MemberNode]:
        """The nodes, as what they are."""
        return [node for node in self.nodes if isinstance(node, MemberNode)]

    def node(self, name: str) -> MemberNode:
        """A node by name."""
        return next(node for node in self.members if node.name == name)

    # ── the network between nodes, and to the coordinator ────────────────────────────────────────────────────────

    def coordinator_delay(self) -> int:
        """How long a message to or from the coordinator takes, ms."""
        return self.rng.randint(1, 300 if self.faulty and not self.calm else 30)

    def to_coordinator(self, node: MemberNode, action: Callable[[], None]) -> None:
        """Let a message arrive at the coordinator, unless its sender is cut off from it."""

        def arrive() -> None:
            if not node.cut_off:
                action()

        self.clockwork.later(self.coordinator_delay(), arrive)

    def between(self, action: Callable[[], None]) -> None:
        """Let a message of one node arrive at another."""
        self.clockwork.later(self.rng.randint(1, 20), action)

    # ── what happens ─────────────────────────────────────────────────────────────────────────────────────────────

    @override
    def _schedule(self) -> None:
        self.members[0].boot()
        for node in self.members[1:]:
            self.clockwork.later(self.rng.randint(0, 6_000), partial(self._boot, node))
        for phone in self.phones:
            self.clockwork.later(self.rng.randint(0, 3_000), partial(self._send_all, phone.stages[0]))
        for _ in range(self.rng.randint(1, 6)):
            self._some_day(partial(self._planned, self.rng.choice(self.members)))
        if self.calm:
            return
        for _ in range(self.rng.randint(0, 3)):
            self._some_day(partial(self.rng.choice(self.members).pause, self.rng.randint(300, 3 * SESSION_MS)))
        for _ in range(self.rng.randint(0, 2)):
            self._some_day(partial(self._cut, self.rng.choice(self.members), self.rng.randint(300, 2 * SESSION_MS)))
        for _ in range(self.plan.crashes):
            self._some_day(partial(self._crash, self.rng.choice(self.members)))

    def _some_day(self, action: Callable[[], None]) -> None:
        self.clockwork.later(self.rng.randint(500, self.plan.healed_ms - 1_000), action)

    def _planned(self, node: MemberNode) -> None:
        if not node.up:
            return
        what = self.rng.choice(("drain", "leave", "pin"))
        if what == "pin":
            self.coordinator.pin(SHARD, self.rng.choice((*NAMES, None)))
        else:
            node.drain(leave=what == "leave")
            self.clockwork.later(self.rng.randint(1_500, 6_000), partial(self._back, node))

    def _back(self, node: MemberNode) -> None:
        node.undrain()
        self._boot(node)

    def _cut(self, node: MemberNode, length_ms: int) -> None:
        self.note(f"{node.name} is cut off from the coordinator for {length_ms} ms")
        node.cut_off = True

        def heal() -> None:
            node.cut_off = False

        self.clockwork.later(length_ms, heal)

    @override
    def _boot(self, node: Node) -> None:
        if not node.up:
            node.boot()

    @override
    def _heal(self) -> None:
        self.note("nothing goes wrong from here on")
        for node in self.members:
            node.cut_off = False
            node.undrain()
            self._boot(node)

    @override
    def _addressee(self) -> Node:
        return self.rng.choice(self.nodes)

    @override
    def _arrive(self, request: Request, node: Node) -> None:
        if not node.up:
            self.answer(request, Unavailable("moved"))  # nobody listens there, and the phone tries another address
            return
        super()._arrive(request, node)

    @override
    def run(self) -> History:
        self.note(str(self.plan))
        self._schedule()
        self.clockwork.run_until(START_MS + self.plan.healed_ms)
        self._heal()
        while self.clockwork.now_ms < START_MS + END_MS and not self._settled():
            self.clockwork.run_until(self.clockwork.now_ms + 1_000)
        complaints = self.history.complaints
        complaints += [f"never answered: {one.make(0)}" for phone in self.phones for one in phone.open_requests]
        self.clockwork.run_until(self.clockwork.now_ms + LIMITS.silence_ms + 15_000)
        owners = [node for node in self.members if node.owns and node.machine.serving]
        if len(owners) != 1:
            complaints.append(f"liveness: in the end the shard is served by {[node.name for node in owners]}")
        self.ending = True
        for owner in owners:
            owner.record_residents()
            owner.tell(owner.life, Release())
        self.clockwork.run_until(self.clockwork.now_ms + 10_000)
        if self.calm:
            complaints += self._errors_in_calm()
        return self.history

    def _errors_in_calm(self) -> list[str]:
        """In a calm world every answer is final or proves that nothing was stored: a short wait, and no error."""
        return [
            f"hand-over: {entry.owner} answered {entry.answer.reason}, though nothing failed"
            for entry in self.history.entries
            if isinstance(entry, Answering) and isinstance(entry.answer, Unavailable)
            and entry.answer.reason not in REPEATABLE
        ]  # fmt: skip


def simulate_members(
    seed: int, variant: MemberVariant = MEMBERS_AS_THEY_ARE, trace: Callable[[str], None] | None = None
) -> History:
    """Run one seed."""
    return MembersWorld(seed, variant, trace).run()
