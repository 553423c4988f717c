"""Where servers listen: loopback addresses of their own, so that ensembles do not meet."""

from __future__ import annotations

import random
import socket
from dataclasses import dataclass

from zookeeper_server.errors import ZooKeeperServerError

ATTEMPTS = 50


@dataclass(frozen=True)
class Address:
    """Of one server."""

    host: str
    port: int = 2181
    """For clients."""
    quorum_port: int = 2888
    """On which followers find their leader."""
    election_port: int = 3888

    @property
    def for_clients(self) -> str:
        """`host:port`."""
        return f"{self.host}:{self.port}"


def free_addresses(servers: int) -> list[Address]:
    """Consecutive addresses somewhere in 127.0.0.0/8 where ZooKeeper's usual ports are free.

    Linux answers on all of 127.0.0.0/8; elsewhere take `addresses_from("127.0.0.1", …)`.

    Raises:
        ZooKeeperServerError: None were found.
    """
    chance = random.SystemRandom()
    for _ in range(ATTEMPTS):
        network = f"127.{chance.randrange(1, 255)}.{chance.randrange(256)}"
        first = chance.randrange(1, 255 - servers)
        addresses = [Address(f"{network}.{first + index}") for index in range(servers)]
        if not any(map(taken_port, addresses)):
            return addresses
    raise ZooKeeperServerError("no loopback address on which ZooKeeper's ports are free; is this Linux?")


def addresses_from(first_host: str, port: int, servers: int) -> list[Address]:
    """Consecutive addresses from a given one on.

    Raises:
        ZooKeeperServerError: A port is taken there; the message names it.
    """
    network, _, last = first_host.rpartition(".")
    addresses = [Address(f"{network}.{int(last) + index}", port) for index in range(servers)]
    for address in addresses:
        if taken := taken_port(address):
            raise ZooKeeperServerError(
                f"cannot listen on {address.host}:{taken}: another ZooKeeper there? Stop it, or choose another address "
                "(--address, --port; with make, ZOOKEEPER_PORT=2182)"
            )
    return addresses


def taken_port(address: Address) -> int | None:
    """The first of a server's ports that cannot be listened on."""
    for port in (address.port, address.quorum_port, address.election_port):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Java does: ended connections linger
            try:
                probe.bind((address.host, port))
            except OSError:
                return port
    return None
