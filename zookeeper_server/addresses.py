"""Where servers listen: loopback addresses of their own, so that ensembles do not meet."""

from __future__ import annotations

from dataclasses import dataclass

from cassandra_server.loopback import free_hosts, hosts_from, taken_port
from zookeeper_server.errors import ZooKeeperServerError


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

    @property
    def ports(self) -> tuple[int, ...]:
        """All that it listens on."""
        return self.port, self.quorum_port, self.election_port


def free_addresses(servers: int) -> list[Address]:
    """Consecutive addresses somewhere in 127.0.0.0/8 where ZooKeeper's usual ports are free.

    Linux answers on all of 127.0.0.0/8; elsewhere take `addresses_from("127.0.0.1", …)`.

    Raises:
        ZooKeeperServerError: None were found.
    """
    hosts = free_hosts(servers, Address("").ports)
    if hosts is None:
        raise ZooKeeperServerError("no loopback address on which ZooKeeper's ports are free; is this Linux?")
    return [Address(host) for host in hosts]


def addresses_from(first_host: str, port: int, servers: int) -> list[Address]:
    """Consecutive addresses from a given one on.

    Raises:
        ZooKeeperServerError: A port is taken there; the message names it.
    """
    addresses = [Address(host, port) for host in hosts_from(first_host, servers)]
    for address in addresses:
        if taken := taken_port(address.host, address.ports):
            raise ZooKeeperServerError(
                f"cannot listen on {address.host}:{taken}: another ZooKeeper there? Stop it, or choose another address "
                "(--address, --port; with make, ZOOKEEPER_PORT=2182)"
            )
    return addresses
