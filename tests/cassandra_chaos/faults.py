"""What is done to a deployment. Each fault is over when it returns: everything runs again, nothing was waited for."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.cassandra_chaos.deployment import Deployment


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
        for node in nodes:
            node.kill()
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
        hold(paused_s)
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


def hold(seconds: float) -> None:
    """Let a fault last: here time itself is what is tried."""
    threading.Event().wait(seconds)


def injected(fault: Fault, deployment: Deployment) -> float:
    """Do it, and wait until all phones are served again; when it began, by the monotonic clock."""
    began_s = time.monotonic()
    fault.inject(deployment)
    deployment.wait_until_served(time.monotonic())
    return began_s
