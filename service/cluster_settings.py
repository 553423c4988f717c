"""What the nodes of a cluster say about themselves."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from itertools import pairwise

from kinelog.cassandra_session.connection import Access, Connection, Statement

_LOCAL = Statement("SELECT data_center, release_version FROM system.local", Access.READ)
_PEERS = Statement("SELECT data_center, release_version FROM system.peers_v2", Access.READ)
_SETTINGS = Statement("SELECT name, value FROM system_views.settings", Access.READ)
_CLOCK = Statement("SELECT toUnixTimestamp(now()) FROM system.local", Access.READ)

_BYTES = re.compile(r"(\d+)\s*(B|KiB|MiB|GiB)?")
_UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the cluster."""

    data_center: str
    version: str


def nodes_of(connection: Connection) -> list[Node]:
    """All nodes, the one that answers first."""
    rows = [*connection.ask(_LOCAL), *connection.ask(_PEERS)]
    return [Node(str(center), str(version)) for center, version in rows]


def settings_of(connection: Connection, nodes: int) -> dict[str, set[str]]:
    """Each setting with all values that it has on any node; one that is not set has none.

    A node tells its own only, and requests go round: twice as many as there are nodes hear all of them.
    """
    found: dict[str, set[str]] = {}
    for rows in connection.ask_all([(_SETTINGS, ())] * (2 * nodes), in_flight=1):
        for name, value in rows:
            values = found.setdefault(str(name), set())
            if value is not None and value != "null":
                values.add(str(value))
    return found


def clock_difference_ms(connection: Connection, nodes: int) -> float:
    """The largest difference that is certain between this machine's clock and a node's, Unix milliseconds."""
    largest = 0.0
    for _ in range(2 * nodes):
        before = time.time() * 1000
        told = connection.ask(_CLOCK)[0][0]
        after = time.time() * 1000
        theirs = float(told) if isinstance(told, int | float) else before
        # The node looked at its clock somewhere between, and cuts to whole milliseconds.
        largest = max(largest, before - 1 - theirs, theirs - after)
    return largest


def in_bytes(text: str) -> int | None:
    """A size as Cassandra writes it (`16384KiB`); None for something else."""
    found = _BYTES.fullmatch(text)
    return int(found[1]) * _UNITS[found[2] or "B"] if found else None


def version_of(text: str) -> tuple[int, ...]:
    """`5.0.6` as numbers; what follows them (`-beta1`) is left out."""
    return tuple(int(number) for number in re.findall(r"\d+", text.partition("-")[0]))


def mixed(nodes: list[Node]) -> bool:
    """Whether nodes run different versions: in the middle of an upgrade."""
    return any(one.version != other.version for one, other in pairwise(nodes))
