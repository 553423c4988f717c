"""Who should own each shard, as the newest view says, laid out for a look-up a command."""

from __future__ import annotations

from kinelog.actors.membership.placement import owners
from kinelog.actors.membership.port import Member, Membership, View


class OwnerTable:
    """Owners by shard; computed anew when the view changed. For one thread."""

    def __init__(self, membership: Membership, shards: int) -> None:
        """Of a log of so many shards."""
        self._membership = membership
        self._shards = shards
        self._view: View | None = None
        self._owners: tuple[str | None, ...] = ()
        self._members: dict[str, list[Member]] = {}

    def owner(self, shard: int) -> str | None:
        """Name of the node that should own a shard; None where nobody is there, or only we are and have not joined."""
        view = self._membership.view()
        if view is not self._view:
            self._lay_out(view)
        return self._owners[shard]

    def is_me(self, name: str) -> bool:
        """Whether this is this node's name."""
        return name == self._membership.me.name

    def addressed(self, name: str, attempt: int) -> Member | None:
        """The member to ask under a node's name; None where there is none that takes questions.

        Args:
            name: Of the node.
            attempt: Counts up from 0. A node that started anew is there twice until its former life is over, and no one
                can tell which is which: attempts take turns.
        """
        lives = self._members.get(name)
        return lives[attempt % len(lives)] if lives else None

    @property
    def alone(self) -> bool:
        """Whether there is nobody else to ask."""
        return not any(name != self._membership.me.name for name in self._members)

    def _lay_out(self, view: View) -> None:
        members = [member for member in view.members if view.joined or member.name != self._membership.me.name]
        self._owners = owners(self._shards, members, view.pins)
        self._members = {}
        for member in members:
            if member.address:
                self._members.setdefault(member.name, []).append(member)
        self._view = view
