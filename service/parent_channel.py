"""What a child of `kinelog serve --processes` inherits: its channel to the parent, and what belongs to the group."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

import msgspec
from kinelog.actors.membership.parent import ParentMembership
from kinelog.actors.membership.port import Member, Membership

VARIABLE = "KINELOG_PARENT_CHANNEL"


class ParentChannel(msgspec.Struct, frozen=True, kw_only=True):
    """One variable of the environment, written by the parent for one start of one child.

    Attributes:
        descriptor: Of the child's end of the pair; None where the group is found by ZooKeeper.
        session_s: How long the child may say nothing.
        salt: Which key it takes in placement: chosen by the parent for all of them together; 0 for who owns nothing.
        group: Under which the group's processes share the lock of the data folder.
        figures: Name of each child → port on loopback at which it tells its own figures; the same for all its lives.
    """

    descriptor: int | None
    session_s: float
    salt: int
    group: str
    figures: Mapping[str, int]

    def variables(self) -> dict[str, str]:
        """For the child's environment."""
        return {VARIABLE: msgspec.json.encode(self).decode()}

    def membership(self, me: Member) -> Membership:
        """Take part in the parent's group; once, since the channel is one.

        Raises:
            ValueError: There is no channel.
        """
        if self.descriptor is None:
            raise ValueError("the parent coordinates nobody")
        me = msgspec.structs.replace(me, salt=self.salt)
        return ParentMembership(socket.socket(fileno=self.descriptor), me, self.session_s)


def inherited_channel() -> ParentChannel | None:
    """What the parent passed on, taken out of the environment so that nothing we start finds it; None without one."""
    text = os.environ.pop(VARIABLE, None)
    if text is None:
        return None
    channel = msgspec.json.decode(text, type=ParentChannel)
    if channel.descriptor is not None:
        os.set_inheritable(channel.descriptor, False)  # noqa: FBT003 - the standard library's signature
    return channel
