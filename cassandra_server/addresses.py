"""Where the nodes of a cluster listen: loopback addresses of their own, so that clusters do not meet."""

from __future__ import annotations

import random
import socket

from cassandra_server.configuration import Address
from cassandra_server.errors import CassandraServerError

ATTEMPTS = 50


def free_addresses(nodes: int) -> list[Address]:
    """Consecutive addresses somewhere in 127.0.0.0/8 where Cassandra's usual ports are free.

    Linux answers on all of 127.0.0.0/8; elsewhere take `addresses_from("127.0.0.1", …)`.

    Raises:
        CassandraServerError: None were found.
    """
    chance = random.SystemRandom()
    for _ in range(ATTEMPTS):
        network = f"127.{chance.randrange(1, 255)}.{chance.randrange(256)}"
        first = chance.randrange(1, 255 - nodes)
        addresses = [Address(f"{network}.{first + index}") for index in range(nodes)]
        if not any(map(taken_port, addresses)):
            return addresses
    raise CassandraServerError("no loopback address on which Cassandra's ports are free; is this Linux?")


def addresses_from(first_host: str, port: int, nodes: int) -> list[Address]:
    """Consecutive addresses from a given one on.

    Raises:
        CassandraServerError: A port is taken there; the message names it.
    """
    network, _, last = first_host.rpartition(".")
    addresses = [Address(f"{network}.{int(last) + index}", port) for index in range(nodes)]
    for address in addresses:
        if taken := taken_port(address):
            raise CassandraServerError(
                f"cannot listen on {address.host}:{taken}: another Cassandra there? Stop it, or choose another address "
                "(--address; with make, CASSANDRA_ADDRESS=127.0.0.11)"
            )
    return addresses


def taken_port(address: Address) -> int | None:
    """The first of a node's ports that cannot be listened on."""
    for port in (address.port, address.storage_port, address.jmx_port):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Cassandra does: ended connections linger
            try:
                probe.bind((address.host, port))
            except OSError:
                return port
    return None
