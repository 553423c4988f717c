"""Connections on loopback that begin at an address of the process's own, by which relays tell who connects."""

from __future__ import annotations

import socket

from tests.cluster_chaos.replaced_parts import replace_part

NOWHERE = "0.0.0.0"  # noqa: S104 - what an unbound socket says of itself

Target = tuple[str, int] | str
"""Host and port; the path of a socket that is a file."""


def connect_from(host: str) -> None:
    """From now on every connection of this process to a loopback address begins at `host`."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def bound(one: socket.socket, target: Target) -> None:
        loopback = isinstance(target, tuple) and str(target[0]).startswith("127.")
        if one.family == socket.AF_INET and loopback and one.getsockname()[0] == NOWHERE:
            one.bind((host, 0))

    def connect_bound(one: socket.socket, target: Target) -> None:
        bound(one, target)
        connect(one, target)

    def connect_ex_bound(one: socket.socket, target: Target) -> int:
        bound(one, target)
        return connect_ex(one, target)

    # In the class itself: libraries hold it, and asyncio calls these on sockets that it made.
    replace_part(socket.socket, "connect", connect_bound)
    replace_part(socket.socket, "connect_ex", connect_ex_bound)
