"""Where the nodes of a cluster listen: loopback addresses of their own, so that clusters do not meet."""

from __future__ import annotations

from cassandra_server.configuration import Address
from cassandra_server.errors import CassandraServerError
from cassandra_server.loopback import free_hosts, hosts_from, taken_port


def free_addresses(nodes: int) -> list[Address]:
    """Consecutive addresses somewhere in 127.0.0.0/8 where Cassandra's usual ports are free.

    Linux answers on all of 127.0.0.0/8; elsewhere take `addresses_from("127.0.0.1", …)`.

    Raises:
        CassandraServerError: None were found.
    """
    hosts = free_hosts(nodes, Address("").ports)
    if hosts is None:
        raise CassandraServerError("no loopback address on which Cassandra's ports are free; is this Linux?")
    return [Address(host) for host in hosts]


def addresses_from(first_host: str, port: int, nodes: int) -> list[Address]:
    """Consecutive addresses from a given one on.

    Raises:
        CassandraServerError: A port is taken there; the message names it.
    """
    addresses = [Address(host, port) for host in hosts_from(first_host, nodes)]
    for address in addresses:
        if taken := taken_port(address.host, address.ports):
            raise CassandraServerError(
                f"cannot listen on {address.host}:{taken}: another Cassandra there? Stop it, or choose another address "
                "(--address; with make, CASSANDRA_ADDRESS=127.0.0.11)"
            )
    return addresses
