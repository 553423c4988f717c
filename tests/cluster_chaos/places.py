"""Where each part of a cluster listens, where a relay listens for it, and from where it connects."""

from __future__ import annotations

import random
from dataclasses import dataclass

import zookeeper_server.addresses
from cassandra_server.configuration import Address
from cassandra_server.loopback import ATTEMPTS, taken_port
from tests.cluster_chaos.links import Place

CASSANDRA_PORT, CHANNEL_PORT, ZOOKEEPER_PORT = 9042, 7600, 2181
PROBED_PORTS = (CASSANDRA_PORT, 7000, 7199, CHANNEL_PORT, ZOOKEEPER_PORT, 2888, 3888)


@dataclass(frozen=True)
class Places:
    """Addresses of one cluster, in a network of loopback that nobody else uses. Parts count from 1."""

    network: str

    def cassandra(self, number: int) -> Address:
        """A Cassandra node; its clients are told its relay."""
        return Address(f"{self.network}.{10 + number}", CASSANDRA_PORT, told_host=f"{self.network}.{20 + number}")

    def node(self, number: int) -> str:
        """Address from which a node of the service connects, and on which it listens for the other nodes."""
        return f"{self.network}.{30 + number}"

    def advertised(self, number: int) -> str:
        """Address at which the other nodes reach it: its relay's."""
        return f"{self.network}.{40 + number}"

    @property
    def zookeeper(self) -> zookeeper_server.addresses.Address:
        """Where ZooKeeper listens."""
        return zookeeper_server.addresses.Address(f"{self.network}.51", ZOOKEEPER_PORT)

    @property
    def zookeeper_relay(self) -> Place:
        """Where the nodes reach it."""
        return f"{self.network}.61", ZOOKEEPER_PORT


def free_places() -> Places:
    """A network in which nobody listens.

    Raises:
        OSError: None was found.
    """
    chance = random.SystemRandom()
    for _ in range(ATTEMPTS):
        places = Places(f"127.{chance.randrange(1, 255)}.{chance.randrange(256)}")
        hosts = [f"{places.network}.{last}" for last in (*range(11, 14), *range(21, 24), 51, 61)]
        if all(taken_port(host, PROBED_PORTS) is None for host in hosts):
            return places
    raise OSError("no loopback network in which nobody listens; is this Linux?")
