"""The membership port: who is there. `tests/nodes/membership_contract.py` holds each adapter to it."""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

import msgspec

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,62}")
LIFE = re.compile(r"[0-9a-f]{8,32}")
HEAVIEST = 1000.0
LONGEST_TEXT = 255
SALTS = 256
"""Keys that a node may take in placement; see `placement.py`."""


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One process that takes part, as it announced itself.

    Attributes:
        name: Of the node: letters, digits, dots and dashes, 63 at most.
        life: Random hex of this start: two lives of one name are two members.
        address: `host:port` of the internal channel; empty for who takes no questions, as projection workers.
        version: Of the program, for people.
        reads: Newest form of events that it can read.
        weight: Share of the shards, against the others' weights; above 0, 1000 at most.
        salt: Which of its node's keys it takes in placement: chosen as it joins, kept for its life.
        draining: Whether it is to own nothing: it asked for that itself, or an operator did.
    """

    name: str
    life: str
    address: str
    version: str
    reads: int
    weight: float = 1.0
    salt: int = 0
    draining: bool = False

    def __post_init__(self) -> None:
        """Refuse what no process may announce.

        Raises:
            ValueError: A field is out of its bounds; decoding turns that into msgspec's own error.
        """
        if not NAME.fullmatch(self.name):
            raise ValueError("name: letters, digits, dots and dashes, a letter or digit first, 63 at most")
        if not LIFE.fullmatch(self.life):
            raise ValueError("life: 8 to 32 hex digits")
        if not (math.isfinite(self.weight) and 0 < self.weight <= HEAVIEST):
            raise ValueError(f"weight: above 0, {HEAVIEST:.0f} at most")
        if not 0 <= self.salt < SALTS:
            raise ValueError(f"salt: 0 to {SALTS - 1}")
        if self.reads < 1 or max(len(self.address), len(self.version)) > LONGEST_TEXT:
            raise ValueError(f"reads: 1 or more; address and version: {LONGEST_TEXT} characters at most")


class View(msgspec.Struct, frozen=True, kw_only=True):
    """Who is there, as this process knows it.

    Attributes:
        number: Grows with each change that this process saw.
        members: Ordered by name; of two lives of one name only the elder is one (`docs/membership.md`).
        pins: Shard → name of the node that an operator moved it to; void while that node is away or draining.
        joined: Whether this process is one of them, as far as it knows. It owns nothing while it is not.
        workers_read: Oldest of the forms that are the newest ones of processes which only read the log, projection
            workers above all; None where there are none. Of two lives of one name both count.
    """

    number: int
    members: tuple[Member, ...]
    pins: Mapping[int, str] = msgspec.field(default_factory=dict)
    joined: bool
    workers_read: int | None = None

    @property
    def everybody_reads(self) -> int | None:
        """Newest form of events that all who are there can read; None while no member is known."""
        if not self.members:
            return None  # that nobody objects says nothing
        newest = [member.reads for member in self.members]
        return min(newest if self.workers_read is None else [*newest, self.workers_read])


Listener = Callable[[View], None]


class Membership(ABC):
    """Takes part in a group of processes, and says who else does."""

    me: Member
    """What this process announced; its life changes when it had to join anew."""

    @abstractmethod
    def start(self, listener: Listener) -> None:
        """Join, and tell the listener of every change, this one first; on any thread, one call at a time.

        Raises:
            MembershipError: Joining is not possible as asked. A coordinator that is away is no such reason: it is
                tried until it answers.
        """

    @abstractmethod
    def view(self) -> View:
        """The newest view."""

    @abstractmethod
    def lease_until_s(self) -> float:
        """Until when (`time.monotonic()`) nobody else can have been told that this process is gone.

        Stamped before each heartbeat is sent, so that it is right however long the answer took. In the past while the
        process is not a member; infinite where there is nobody else.
        """

    @abstractmethod
    def set_draining(self, draining: bool) -> None:  # noqa: FBT001 - a flag is what is set
        """Announce that this process is to own nothing any more, or that it may again."""

    @abstractmethod
    def stop(self) -> None:
        """Leave: the others see that at once, not when a session expires. May be called again."""
