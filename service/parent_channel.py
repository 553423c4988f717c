"""What a child of `kinelog serve --processes` inherits: its channel to the parent, and what belongs to the group."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

import msgspec
from kinelog.actors.membership.parent import ParentMembership
from kinelog.actors.membership.port import Member

VARIABLE = "KINELOG_PARENT_CHANNEL"


class ParentChannel(msgspec.Struct, frozen=True, kw_only=True):
    """One variable of the environment, written by the parent for one start of one child.

    Attributes:
        descriptor: Of the child's end of the pair.
        session_s: How long the child may say nothing.
        group: Under which the group's processes share the lock of the data folder.
        figures: Name of each child → port on loopback at which it tells its own figures; the same for all its lives.
    """

    descriptor: int
    session_s: float
    group: str
    figures: Mapping[str, int]

    def variables(self) -> dict[str, str]:
        """For the child's environment."""
        return {VARIABLE: msgspec.json.encode(self).decode()}

    def membership(self, me: Member) -> ParentMembership:
        """Take part; once, since the channel is one."""
        return ParentMembership(socket.socket(fileno=self.descriptor), me, self.session_s)


def inherited_channel() -> ParentChannel | None:
    """What the parent passed on, taken out of the environment so that nothing we start finds it; None without one."""
    text = os.environ.pop(VARIABLE, None)
    if text is None:
        return None
    channel = msgspec.json.decode(text, type=ParentChannel)
    os.set_inheritable(channel.descriptor, False)  # noqa: FBT003 - the standard library's signature
    return channel
