"""What is done to a cluster. Each fault is over when it returns: everything runs and every link is whole again.

Parts and moments are drawn when a fault is made, so that a seed gives the same faults on any machine.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.cassandra_chaos.store_checks import SCHEMA_RESTS_S, NeverError
from tests.cluster_chaos.deployment import CASSANDRA_NODES, NODES, Deployment
from tests.cluster_chaos.node_group import ZOOKEEPER

SESSION_S = 2.0
DRAIN_S = 30.0
CLOCK_S = 40.0
DELAY_S = 0.15
GIVEN_AWAY = "others do: they take over its shards"


@dataclass(frozen=True)
class Fault:
    """One act of harm.

    Attributes:
        kind: For the table.
        what: What exactly, in words.
        inject: Does it, and undoes it.
    """

    kind: str
    what: str
    inject: Callable[[Deployment], None]


Maker = Callable[[random.Random], Fault]


def node_killed(chance: random.Random) -> Fault:
    """`kill -9` of a node, which comes back after its session is over, or before."""
    name, down_s = _node(chance), chance.uniform(0.0, 2 * SESSION_S)

    def inject(deployment: Deployment) -> None:
        node = deployment.group.node(name)
        node.kill()
        hold(down_s)
        node.start()

    return Fault("node killed", f"{name}, back after {down_s:.1f} s", inject)


def node_paused(chance: random.Random) -> Fault:
    """A node stops in its tracks for longer than its session, and goes on where it was: it does not know."""
    name, paused_s = _node(chance), SESSION_S + chance.uniform(1.5, 4.0)

    def inject(deployment: Deployment) -> None:
        node = deployment.group.node(name)
        node.pause()
        try:
            hold(paused_s)
        finally:
            node.resume()

    return Fault("node paused", f"{name} for {paused_s:.1f} s", inject)


def nodes_apart(chance: random.Random) -> Fault:
    """Two nodes do not reach each other, and everybody reaches both."""
    one, other = chance.sample(range(1, NODES + 1), 2)
    return _link_harmed(chance, "nodes apart", f"node-{one}", f"node-{other}")


def node_without_cassandra(chance: random.Random) -> Fault:
    """A node and one of Cassandra's do not reach each other."""
    cassandra = f"cassandra-{chance.randint(1, CASSANDRA_NODES)}"
    return _link_harmed(chance, "node and cassandra apart", _node(chance), cassandra)


def node_without_store(chance: random.Random) -> Fault:
    """A node reaches none of Cassandra's, and everybody else: its shards go to those that do, and come back."""
    name = _node(chance)

    def inject(deployment: Deployment) -> None:
        node, links = deployment.group.node(name), deployment.group.links
        stores = [f"cassandra-{number}" for number in range(1, CASSANDRA_NODES + 1)]
        before = node.log.count(GIVEN_AWAY)
        for store in stores:
            links.cut(name, store)
        try:
            deployment.wait_for(lambda: node.log.count(GIVEN_AWAY) > before, f"{name} gives its shards away", 60.0)
            # Also who asks the node itself: it passes on what others decide.
            deployment.wait_until_served()
            if deployment.group.ready(node):
                raise NeverError(f"{name} says that it is ready, and reaches no store\n{node.log[-3000:]}")
        finally:
            for store in stores:
                links.heal(name, store)

    return Fault("node without a store", f"{name}, until others serve for it", inject)


def node_without_zookeeper(chance: random.Random) -> Fault:
    """A node and ZooKeeper do not reach each other for less than a session."""
    name, hours_s = _node(chance), chance.uniform(0.3, 0.8) * SESSION_S

    def inject(deployment: Deployment) -> None:
        deployment.group.links.cut(name, ZOOKEEPER)
        hold(hours_s)
        deployment.group.links.heal(name, ZOOKEEPER)

    return Fault("node and zookeeper apart", f"{name} for {hours_s:.1f} s", inject)


def session_expired(chance: random.Random) -> Fault:
    """A node is not heard of for longer than its session, while it works and is reached by everybody else."""
    name, silent_s = _node(chance), SESSION_S + chance.uniform(1.5, 3.0)

    def inject(deployment: Deployment) -> None:
        deployment.group.links.silence(name, ZOOKEEPER)
        hold(silent_s)
        deployment.group.links.heal(name, ZOOKEEPER)

    return Fault("session expired", f"{name}, silent for {silent_s:.1f} s", inject)


def zookeeper_restarted(chance: random.Random) -> Fault:
    """`kill -9` of ZooKeeper, which comes back with its data: sessions may go on, or be over."""
    down_s = chance.uniform(0.0, 2 * SESSION_S)

    def inject(deployment: Deployment) -> None:
        (server,) = deployment.servers.zookeeper.servers
        server.kill()
        hold(down_s)
        server.start()
        server.wait_until_ready()

    return Fault("zookeeper restarted", f"after {down_s:.1f} s", inject)


def cassandra_killed(chance: random.Random) -> Fault:
    """`kill -9` of one of three nodes of Cassandra, which comes back with its data."""
    number, down_s = chance.randrange(CASSANDRA_NODES), chance.uniform(1.0, 5.0)

    def inject(deployment: Deployment) -> None:
        node = deployment.servers.cassandra.nodes[number]
        deployment.wait_for(deployment.schema_rests, "no table is being made or dropped", SCHEMA_RESTS_S)
        node.write_schema()
        node.kill()
        hold(down_s)
        node.start()
        node.wait_until_ready()

    return Fault("cassandra killed", f"cassandra-{number + 1}, back after {down_s:.1f} s", inject)


def cassandra_paused(chance: random.Random) -> Fault:
    """One of three nodes of Cassandra stops in its tracks, and goes on where it was."""
    number, paused_s = chance.randrange(CASSANDRA_NODES), chance.uniform(2.0, 6.0)

    def inject(deployment: Deployment) -> None:
        node = deployment.servers.cassandra.nodes[number]
        node.pause()
        try:
            hold(paused_s)
        finally:
            node.resume()

    return Fault("cassandra paused", f"cassandra-{number + 1} for {paused_s:.1f} s", inject)


def clocks_apart(chance: random.Random) -> Fault:
    """A node ends in good order and comes back with a wall clock that is wrong, and stays so."""
    name, wrong_s = _node(chance), chance.uniform(-CLOCK_S, CLOCK_S)

    def inject(deployment: Deployment) -> None:
        node = deployment.group.node(name)
        require_clean_end(node.name, node.terminate(DRAIN_S))
        node.clock_s = wrong_s
        node.start()

    return Fault("clocks apart", f"{name} by {wrong_s:+.1f} s", inject)


def rolling_restart(chance: random.Random) -> Fault:
    """Node after node ends in good order and comes back as the next version, which can write events in a newer form."""
    order = chance.sample(range(NODES), NODES)

    def inject(deployment: Deployment) -> None:
        for number in order:
            node = deployment.group.nodes[number]
            require_clean_end(node.name, node.terminate(DRAIN_S))
            node.next_version = True
            if deployment.upgraded_s is None and all(each.next_version for each in deployment.group.nodes):
                deployment.upgraded_s = time.monotonic()
            node.start()

    return Fault("rolling restart", "in the order " + ", ".join(f"node-{number + 1}" for number in order), inject)


STOCK: tuple[Maker, ...] = (
    node_killed,
    node_paused,
    nodes_apart,
    node_without_cassandra,
    node_without_store,
    node_without_zookeeper,
    session_expired,
    zookeeper_restarted,
    cassandra_killed,
    cassandra_paused,
    clocks_apart,
    rolling_restart,
)
SHORT_STOCK: tuple[Maker, ...] = (
    node_paused,
    rolling_restart,
    nodes_apart,
    node_without_store,
    cassandra_killed,
    session_expired,
    node_killed,
)
"""Once each, for a run of three minutes."""


class UncleanEndError(AssertionError):
    """A node that was asked to end in good order did not."""


def require_clean_end(name: str, code: int) -> None:
    """Hold a node that was sent SIGTERM to its word.

    Raises:
        UncleanEndError: Its exit code is not 0.
    """
    if code != 0:
        raise UncleanEndError(f"{name} was asked to end and ended with {code}")


def hold(seconds: float) -> None:
    """Let a fault last: here time itself is what is tried."""
    threading.Event().wait(seconds)


def round_of(stock: tuple[Maker, ...], chance: random.Random) -> list[Fault]:
    """Every fault of a stock once, in an order and with parts and moments of its own."""
    return [make(chance) for make in chance.sample(stock, len(stock))]


def _node(chance: random.Random) -> str:
    return f"node-{chance.randint(1, NODES)}"


def _link_harmed(chance: random.Random, kind: str, one: str, other: str) -> Fault:
    how, lasts_s = chance.choice(["cut", "silent", "slow"]), chance.uniform(2.0, 6.0)

    def inject(deployment: Deployment) -> None:
        links = deployment.group.links
        match how:
            case "cut":
                links.cut(one, other)
            case "silent":
                links.silence(one, other)
            case _:
                links.slow(one, other, DELAY_S)
        hold(lasts_s)
        links.heal(one, other)

    return Fault(kind, f"{one} and {other} {how} for {lasts_s:.1f} s", inject)
