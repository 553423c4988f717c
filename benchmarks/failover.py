"""How long the shards of a group of nodes are away when an owner dies, moves, or stands still; and what a join moves.

Three nodes of the service and a ZooKeeper on this machine, the log in a Cassandra of one node, and people who train all
the while. Four kinds of trials, each on what the one before left:

- *killed*: `kill -9` of a node until the last of its shards acknowledges a write elsewhere;
- *moved*: a shard with people goes to another node as an operator moves it: longest wait of a command that met it;
- *paused*: SIGSTOP of a node until others have its shards, then SIGCONT, with requests waiting at its door: what it
  still answers as accepted for these shards, commits included. Each shard that it lost is a trial;
- *joined*: a fourth node.

    python -m benchmarks.failover
    python -m benchmarks.failover --embedded --trials 3
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import click
import msgspec

from benchmarks.failover_group import failover_group
from benchmarks.failover_trials import Joined, Killed, Moved, Paused, join, kills, moves, pauses
from benchmarks.rounds import machine

NODES = 3
SESSION_S = 2.0
PAUSE_S = 0.1
"""Between an answer and the next frame of a person, of whom there are two a shard."""
WANTED_KILLED_S = 5.0
WANTED_MOVED_S = 0.5
WANTED_RATIO = 1.2

Trial = TypeVar("Trial", Killed, Moved, Paused)


class Failover(msgspec.Struct, frozen=True, kw_only=True):
    """All trials."""

    machine: str
    store: str
    session_s: float
    nodes: int
    shards: int
    killed: list[Killed]
    moved: list[Moved]
    paused: list[Paused]
    joined: Joined


@click.command()
@click.option("--trials", type=click.IntRange(min=1), default=30, show_default=True, help="Kills.")
@click.option("--moves", "moved", type=click.IntRange(min=1), help="Moves.  [default: twice as many as kills]")
@click.option("--paused", type=click.IntRange(min=1), default=100, show_default=True, help="Shards lost by pauses.")
@click.option("--shards", type=click.IntRange(min=NODES), default=16, show_default=True, help="Of the log.")
@click.option("--embedded", is_flag=True, help="The log in a file that the nodes share, in place of a Cassandra.")
@click.option("--seed", type=int, default=1, show_default=True, help="Chooses nodes and shards.")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False, exists=True), help="Where the data lies.")
def main(
    *,
    trials: int,
    moved: int | None,
    paused: int,
    shards: int,
    embedded: bool,
    seed: int,
    folder: Path | None,
) -> None:
    """Kill, move, pause and join nodes under load."""
    chance, told = random.Random(seed), machine()
    with failover_group(
        folder, embedded=embedded, nodes=NODES, shards=shards, session_s=SESSION_S, phones=2 * shards, pause_s=PAUSE_S
    ) as group:
        found = Failover(
            machine=told,
            store="a shared file" if embedded else "Cassandra, one node",
            session_s=SESSION_S,
            nodes=NODES,
            shards=shards,
            killed=[_noted("killed", one) for one in kills(group, trials, chance)],
            moved=[_noted("moved", one) for one in moves(group, moved or 2 * trials, chance)],
            paused=[_noted("paused", one) for one in pauses(group, paused, SESSION_S, chance)],
            joined=join(group),
        )
    click.echo(in_words(found))


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that this share of all values does not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def in_words(found: Failover) -> str:
    """For people."""
    kill = [one.longest_s for one in found.killed]
    move = [one.longest_s for one in found.moved]
    commands = sum(one.commands for one in found.moved)
    lost, late = sum(one.shards for one in found.paused), sum(one.acknowledged for one in found.paused)
    waited = sum(one.waiting for one in found.paused)
    joined = found.joined
    lines = [
        f"{found.machine}; {found.store}; {found.nodes} nodes, {found.shards} shards, session {found.session_s:g} s",
        (
            f"killed: {len(kill)} trials, until the last of a node's shards takes a write elsewhere (wanted: "
            f"{WANTED_KILLED_S:g} s at most): {statistics.median(kill):.2f} s (median), {max(kill):.2f} s (longest)"
        ),
        "  " + " ".join(f"{seconds:.2f}" for seconds in kill),
        (
            f"moved: {len(move)} moves met by {commands} commands, longest wait of each (wanted: {WANTED_MOVED_S:g} "
            f"s for 99 of 100): {percentile(move, 0.5):.3f} s (median), {percentile(move, 0.99):.3f} s (p99), "
            f"{max(move):.3f} s (longest); {sum(one.refused for one in found.moved)} not acknowledged at once"
        ),
        (
            f"paused: {lost} shards lost in {len(found.paused)} pauses, {waited} requests at the door, "
            f"{late} acknowledged by the old owner (wanted: 0)"
        ),
        (
            f"joined: {joined.moved} of {joined.shards} shards moved to {joined.nodes} nodes: {joined.ratio:.2f} of "
            f"the ideal share (wanted: {WANTED_RATIO:g} at most)"
        ),
    ]
    return "\n".join(lines)


def _noted(kind: str, one: Trial) -> Trial:
    click.echo(f"{kind}: {msgspec.json.encode(one).decode()}", err=True)
    return one


if __name__ == "__main__":
    main()
