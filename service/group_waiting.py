"""Waiting until shards have moved, by asking the nodes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import click
from kinelog.actors.membership.control import ClusterControl
from kinelog.routing.node_status import NodeStatus
from kinelog.service.configuration import Settings
from kinelog.service.errors import TryAgainError
from kinelog.service.group_control import asked
from kinelog.service.group_report import GONE_PHASES, SERVING_PHASES

Function = TypeVar("Function", bound=Callable[..., object])
ASK_EVERY_S = 0.25


def within_option(function: Function) -> Function:
    """`--within SECONDS`, as the parameter `within_s`."""
    return click.option(
        "--within",
        "within_s",
        type=click.FloatRange(min=0.0),
        default=60.0,
        show_default=True,
        metavar="SECONDS",
        help="How long --wait waits.",
    )(function)


def wait_until_it_holds_nothing(settings: Settings, control: ClusterControl, node: str, within_s: float) -> None:
    """Wait until a node has let all its shards go, or has left.

    Raises:
        TryAgainError: It took longer.
    """

    def holds_nothing(status: NodeStatus) -> str | None:
        held = [str(shard.shard) for shard in status.shards if shard.phase not in GONE_PHASES]
        return f"it still holds shards {', '.join(held)}" if held else None

    _wait(settings, control, node, within_s, holds_nothing, may_leave=True)


def wait_until_it_serves(settings: Settings, control: ClusterControl, node: str, shard: int, within_s: float) -> None:
    """Wait until a node answers for a shard.

    Raises:
        TryAgainError: It took longer.
    """

    def serves(status: NodeStatus) -> str | None:
        phases = [each.phase for each in status.shards if each.shard == shard]
        return None if set(phases) & SERVING_PHASES else f"it does not answer for shard {shard} yet"

    _wait(settings, control, node, within_s, serves, may_leave=False)


def _wait(
    settings: Settings,
    control: ClusterControl,
    node: str,
    within_s: float,
    missing: Callable[[NodeStatus], str | None],
    *,
    may_leave: bool,
) -> None:
    deadline = time.monotonic() + within_s
    while True:
        members = [member for member in control.view().members if member.name == node]
        if not members and may_leave:
            return
        why: str | None = f"{node} is not there"
        for each in asked(settings, members):
            why = f"it does not say how it is: {each.problem}" if each.status is None else missing(each.status)
        if why is None:
            return
        if time.monotonic() > deadline:
            raise TryAgainError(f"{node}, after {within_s:g} s: {why}")
        time.sleep(ASK_EVERY_S)
