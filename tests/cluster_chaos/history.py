"""What phones sent and were told, by which node and when; and what the log holds.

Moments are of the one monotonic clock that all processes of a machine share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

STORED = frozenset({200, 201})


class Named(NamedTuple):
    """The name of something that a phone sent: a frame or a label, which its session orders.

    Attributes:
        session: The session.
        device: Of a frame, its device; of a label, `label`.
        number: Of a frame, its sequence number; of a label, its place in the session's movement (Unix milliseconds).
    """

    session: str
    device: str
    number: int


LABEL = "label"


@dataclass(frozen=True)
class Exchange:
    """One request, and how it ended.

    Attributes:
        phone: Which phone's.
        named: What it sent.
        node: The node that it asked.
        sent_s: When it was sent.
        told_s: When the answer was there, or it was clear that none comes.
        status: Of the answer; 0: the connection was lost or refused.
        shard, position: Where the log is known to hold it, if the answer says so; -1 where not.
        come_back: Whether the answer said when to come back.
    """

    phone: int
    named: Named
    node: str
    sent_s: float
    told_s: float
    status: int
    shard: int = -1
    position: int = -1
    come_back: bool = False

    @property
    def acknowledged(self) -> bool:
        """Whether the phone was told that it is stored."""
        return self.status in STORED


@dataclass(frozen=True)
class Look:
    """A phone asked which frames of its session are held.

    Attributes:
        session, device: Whose.
        node: The node that it asked.
        sent_s: When it asked.
        absent: Which of those that it had been told are stored when it asked, are not.
    """

    session: str
    device: str
    node: str
    sent_s: float
    absent: tuple[int, ...]


class Stored(NamedTuple):
    """Something that was sent, as it is in the log.

    Attributes:
        named: What it is.
        shard, position: Where it stands.
        epoch: The one that wrote it there.
        version: Of its event.
    """

    named: Named
    shard: int
    position: int
    epoch: int
    version: int = 1
