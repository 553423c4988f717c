"""A child process that takes part in its parent's group and prints, a line each, what it hears: to be paused, killed.

Started with the descriptor of its channel, its name and the session's length.
"""

from __future__ import annotations

import socket
import sys
import threading

import msgspec
from kinelog.actors.membership.parent import ParentMembership
from kinelog.actors.membership.port import Member, View


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What a line says.

    Attributes:
        owns_until_s: The lease at that moment, `time.monotonic()`; 0 without one.
    """

    life: str
    joined: bool
    members: tuple[str, ...]
    owns_until_s: float


def main(descriptor: int, name: str, session_s: float) -> None:
    """Take part until killed."""
    me = Member(name=name, life="00000001", address="127.0.0.1:1", version="1", reads=1)
    membership = ParentMembership(socket.socket(fileno=descriptor), me, session_s)

    def tell(view: View) -> None:
        heard = Heard(
            life=membership.me.life,
            joined=view.joined,
            members=tuple(member.name for member in view.members),
            owns_until_s=max(0.0, membership.lease_until_s()),  # JSON has no -inf
        )
        print(msgspec.json.encode(heard).decode(), flush=True)

    membership.start(tell)
    threading.Event().wait()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]))
