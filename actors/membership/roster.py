"""Who of a parent's children is there: the parent's book, pure. Times are `time.monotonic()` seconds, given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
from kinelog.actors.membership.errors import MembershipError
from kinelog.actors.membership.parent_messages import Present, Roster
from kinelog.actors.membership.port import Member


@dataclass(slots=True)
class _Child:
    """A child that has announced itself.

    Attributes:
        member: As it announced itself last.
        counted_s: The newest stamp of this life.
        expired: Whether this life's session ran out; it never comes back, only a new life does.
    """

    member: Member
    counted_s: float
    expired: bool = False


@dataclass(slots=True)
class RosterBook:
    """Counts sessions, and says what everybody is to be told.

    Attributes:
        session_s: How long after its newest stamp a child is still counted as there.
        expected: Until so many children were there at once nobody is told anything, so that a start is not a chain of
            moves: one joins alone, owns everything, and lets go of it.
        workers: Names of the children that only read the log: they own nothing, and a start does not wait for them.
    """

    session_s: float
    expected: int = 1
    formed: bool = False
    drained: set[str] = field(default_factory=set)
    pins: dict[int, str] = field(default_factory=dict)
    workers: set[str] = field(default_factory=set)
    _children: dict[str, _Child] = field(default_factory=dict)

    def present(self, name: str, message: Present, now_s: float) -> bool:
        """Count a child's announcement; whether who is there changed.

        Raises:
            MembershipError: It speaks in another's name.
        """
        member = message.member
        if member.name != name:
            raise MembershipError(f"child {name} announced itself as {member.name}")
        child = self._children.get(name)
        # No stamp is from the future: a session is never longer than what is counted from its arrival.
        stamp_s = min(message.sent_s, now_s)
        if child is None or child.member.life != member.life:
            self._children[name] = _Child(member, stamp_s)
            self._form()
            return True
        if child.expired:
            return False
        child.counted_s = max(child.counted_s, stamp_s)
        changed, child.member = child.member != member, member
        return changed

    def gone(self, name: str) -> bool:
        """A child's channel is closed: it is out at once; whether who is there changed."""
        child = self._children.pop(name, None)
        return child is not None and not child.expired

    def expire(self, now_s: float) -> bool:
        """End the sessions that ran out; whether who is there changed."""
        late = [c for c in self._children.values() if not c.expired and now_s > c.counted_s + self.session_s]
        for child in late:
            child.expired = True
        return bool(late)

    def silent(self, since_s: float) -> list[str]:
        """Children whose channel is open, and that were heard of last before this moment."""
        return [name for name, child in self._children.items() if child.counted_s < since_s]

    def form(self) -> None:
        """Wait for nobody else."""
        self.formed = True

    def next_expiry_s(self) -> float | None:
        """When the next session runs out, unless its child says something."""
        ends = [child.counted_s + self.session_s for child in self._children.values() if not child.expired]
        return min(ends, default=None)

    def members(self) -> tuple[Member, ...]:
        """Who is there to own shards, by name and life."""
        there = [member for member in self._there() if member.name not in self.workers]
        drained = [msgspec.structs.replace(m, draining=m.draining or m.name in self.drained) for m in there]
        return tuple(sorted(drained, key=lambda member: (member.name, member.life)))

    def roster_for(self, name: str) -> Roster | None:
        """What to tell a child; None while there is nothing to be told."""
        child = self._children.get(name)
        if child is None or not self.formed:
            return None
        pins: Mapping[int, str] = dict(self.pins)
        workers = tuple(member for member in self._there() if member.name in self.workers)
        return Roster(
            life=child.member.life, counted_s=child.counted_s, members=self.members(), pins=pins, workers=workers
        )

    def _there(self) -> list[Member]:
        return [child.member for child in self._children.values() if not child.expired]

    def _form(self) -> None:
        self.formed = self.formed or len(self.members()) >= self.expected
