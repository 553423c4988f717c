"""Loopback addresses of their own for groups of servers, so that groups do not meet."""

from __future__ import annotations

import random
import socket
from collections.abc import Sequence

ATTEMPTS = 50


def free_hosts(count: int, ports: Sequence[int]) -> list[str] | None:
    """Consecutive addresses somewhere in 127.0.0.0/8 where all of these ports are free; None where none were found.

    Linux answers on all of 127.0.0.0/8, others on 127.0.0.1 only.
    """
    chance = random.SystemRandom()
    for _ in range(ATTEMPTS):
        network = f"127.{chance.randrange(1, 255)}.{chance.randrange(256)}"
        hosts = hosts_from(f"{network}.{chance.randrange(1, 255 - count)}", count)
        if all(taken_port(host, ports) is None for host in hosts):
            return hosts
    return None


def hosts_from(first: str, count: int) -> list[str]:
    """Consecutive addresses from a given one on."""
    network, _, last = first.rpartition(".")
    return [f"{network}.{int(last) + index}" for index in range(count)]


def taken_port(host: str, ports: Sequence[int]) -> int | None:
    """The first of some ports that cannot be listened on."""
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Java does: ended connections linger
            try:
                probe.bind((host, port))
            except OSError:
                return port
    return None
