"""What is done to a deployment. Each fault is over when it returns: everything runs again, nothing was waited for."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from cassandra_server.node import CassandraNode
from tests.cassandra_chaos.deployment import Deployment
from tests.cassandra_chaos.store_checks import SCHEMA_RESTS_S, NeverError

UNAVAILABLE = 503
WITHIN_S = 60.0
EXIT_UNAVAILABLE = 69


@dataclass(frozen=True)
class Fault:
    """One kind of harm.

    Attributes:
        name: For the table.
        inject: Does it, and undoes it.
        quorum: Whether enough nodes live all the time for the service to go on.
    """

    name: str
    inject: Callable[[Deployment], None]
    quorum: bool = True


def node_killed(index: int, down_s: float) -> Fault:
    """`kill -9` of a node, which comes back after a while."""

    def inject(deployment: Deployment) -> None:
        node = deployment.cluster.nodes[index]
        _write_schema(deployment, node)
        node.kill()
        hold(down_s)
        node.start()
        node.wait_until_ready()

    return Fault(f"node {index + 1} killed", inject)


def node_paused(index: int, paused_s: float) -> Fault:
    """A node that stops in its tracks: connections stay, nothing answers, and then it goes on where it was."""

    def inject(deployment: Deployment) -> None:
        node = deployment.cluster.nodes[index]
        node.pause()
        try:
            hold(paused_s)
        finally:
            node.resume()

    return Fault(f"node {index + 1} paused {paused_s:.0f} s", inject)


def two_nodes_killed(indexes: tuple[int, int], down_s: float) -> Fault:
    """No quorum."""

    def inject(deployment: Deployment) -> None:
        nodes = [deployment.cluster.nodes[index] for index in indexes]
        _write_schema(deployment, *nodes)
        for node in nodes:
            node.kill()
        _told_to_come_back(deployment)
        _told_why_not(deployment)
        hold(down_s)
        for node in nodes:
            node.start()
        for node in nodes:
            node.wait_until_ready()

    return Fault(f"nodes {indexes[0] + 1} and {indexes[1] + 1} killed", inject, quorum=False)


def two_nodes_paused(indexes: tuple[int, int], paused_s: float) -> Fault:
    """No quorum, and nobody says so."""

    def inject(deployment: Deployment) -> None:
        nodes = [deployment.cluster.nodes[index] for index in indexes]
        for node in nodes:
            node.pause()
        try:
            _told_to_come_back(deployment)
            hold(paused_s)
        finally:
            for node in nodes:
                node.resume()

    return Fault(f"nodes {indexes[0] + 1} and {indexes[1] + 1} paused {paused_s:.0f} s", inject, quorum=False)


def service_killed(chance: random.Random) -> Fault:
    """`kill -9` of the service, at a moment that nobody chose, and another start."""

    def inject(deployment: Deployment) -> None:
        deployment.wait_for_answers(chance.randrange(1, 60))
        hold(chance.random() / 5)  # anywhere between two commits, or in one
        deployment.kill_service()
        deployment.start_service()

    return Fault("service killed", inject)


def _write_schema(deployment: Deployment, *nodes: CassandraNode) -> None:
    """Nodes that are killed come back only with a schema that is on their disks."""
    deployment.wait_for(deployment.schema_rests, "no table is being made or dropped", SCHEMA_RESTS_S)
    for node in nodes:
        node.write_schema()


def _told_to_come_back(deployment: Deployment) -> None:
    """Wait until phones are told so, and whoever asks whether the service is ready is told that it is not."""
    began_s = time.monotonic()

    def told() -> bool:
        return any(answer.status == UNAVAILABLE for answer in deployment.phones.since(began_s))

    deployment.wait_for(told, "phones are told to come back", WITHIN_S)
    deployment.wait_for(lambda: deployment.ready_status() == UNAVAILABLE, "the service is not ready", WITHIN_S)


def _told_why_not(deployment: Deployment) -> None:
    """Whoever starts something on such a cluster is told in words what is wrong, and what starts it may try again."""
    done = deployment.kinelog("project", "--once")
    said = done.stdout + done.stderr
    if done.returncode != EXIT_UNAVAILABLE or "does not answer" not in said or "Traceback" in said:
        raise NeverError(f"started without a quorum, it ended with {done.returncode} and said: {said}")


def hold(seconds: float) -> None:
    """Let a fault last: here time itself is what is tried."""
    threading.Event().wait(seconds)


def injected(fault: Fault, deployment: Deployment) -> float:
    """Do it, and wait until all phones are served again; when it began, by the monotonic clock."""
    began_s = time.monotonic()
    fault.inject(deployment)
    deployment.wait_until_served(time.monotonic())
    return began_s
