"""Trials of a group of nodes: an owner is killed, a shard is moved, an owner is paused, a node joins."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator

import msgspec

from benchmarks.failover_group import FailoverGroup

AFTERWARDS_S = 1.0
"""How long after a move commands still count as those that met it."""


class Killed(msgspec.Struct, frozen=True):
    """An owner was killed.

    Attributes:
        shards: How many of its shards had people who sent something.
        longest_s: From the kill to the first acknowledged write to the last of these shards, elsewhere.
        shortest_s: The same for the first of them.
    """

    shards: int
    longest_s: float
    shortest_s: float


class Moved(msgspec.Struct, frozen=True):
    """A shard was moved while its people sent frames.

    Attributes:
        commands: How many were on their way, or sent within a second of it.
        longest_s: Longest wait of one of them.
        refused: How many of them were not acknowledged at once.
    """

    commands: int
    longest_s: float
    refused: int


class Paused(msgspec.Struct, frozen=True):
    """An owner was paused for longer than its session, and woke.

    Attributes:
        shards: How many it had lost by then.
        waiting: Requests that waited at its door when it woke.
        acknowledged: Commands that it answered as accepted for a shard that it had lost.
    """

    shards: int
    waiting: int
    acknowledged: int


class Joined(msgspec.Struct, frozen=True):
    """A node joined.

    Attributes:
        nodes: With it.
        moved: Shards that have another owner than before.
        ideal: Shards a node.
    """

    nodes: int
    shards: int
    moved: int
    ideal: float
    ratio: float


def kills(group: FailoverGroup, trials: int, chance: random.Random) -> Iterator[Killed]:
    """Kill an owner, see when all of its shards take writes again, and start it again."""
    for _ in range(trials):
        group.settle()
        owners, of_phone = group.owners(), group.shards_of_phones()
        victim = group.nodes.node(chance.choice(sorted(set(owners.values()))))
        watched = {shard for shard in of_phone.values() if owners.get(shard) == victim.name}
        began_s = time.monotonic()
        victim.kill()
        first: dict[int, float] = {}

        def all_written(watched: set[int] = watched, began_s: float = began_s, first: dict[int, float] = first) -> bool:
            taken = {one.shard: one.at_s for one in reversed(group.acquisitions()) if one.at_s > began_s}
            for one in sorted(group.exchanges(began_s), key=lambda one: one.told_s):
                if one.acknowledged and one.shard in taken and one.told_s > taken[one.shard]:
                    first.setdefault(one.shard, one.told_s - began_s)
            return watched <= first.keys()

        group.wait_for(all_written, f"the shards of {victim.name} take writes elsewhere")
        waits = [first[shard] for shard in watched]
        victim.start()
        yield Killed(len(watched), round(max(waits, default=0.0), 3), round(min(waits, default=0.0), 3))


def moves(group: FailoverGroup, trials: int, chance: random.Random) -> Iterator[Moved]:
    """Move a shard with people to another node, as `kinelog cluster move` does."""
    names = [node.name for node in group.nodes.nodes]
    for _ in range(trials):
        group.settle()
        owners = group.owners()
        shard = chance.choice(sorted(set(group.shards_of_phones().values())))
        target = chance.choice([name for name in names if name != owners[shard]])
        began_s = time.monotonic()
        group.control.pin(shard, target)
        group.wait_for(lambda: group.owners().get(shard) == target, f"shard {shard} is at {target}")  # noqa: B023 - asked at once
        threading.Event().wait(AFTERWARDS_S)
        of_phone = group.shards_of_phones()
        met = [one for one in group.exchanges(began_s) if of_phone.get(one.phone) == shard]
        group.control.unpin(shard)
        yield Moved(
            len(met),
            round(max((one.told_s - one.sent_s for one in met), default=0.0), 4),
            sum(not one.acknowledged for one in met),
        )


def pauses(group: FailoverGroup, shards: int, session_s: float, chance: random.Random) -> Iterator[Paused]:
    """Pause owners until so many of their shards were lost in all; count what they still acknowledge for these."""
    lost = 0
    while lost < shards:
        group.settle()
        owners = group.owners()
        victim = group.nodes.node(chance.choice(sorted(set(owners.values()))))
        mine = {shard for shard, name in owners.items() if name == victim.name}
        began_s = time.monotonic()
        victim.pause()
        try:
            group.wait_for(lambda: not group.still(victim.name, mine), f"the shards of {victim.name} are elsewhere")  # noqa: B023 - asked at once
            threading.Event().wait(session_s / 2)
        finally:
            woke_s = time.monotonic()
            victim.resume()
        group.settle()
        taken = {one.shard: one for one in reversed(group.acquisitions()) if one.at_s > began_s}
        at_the_door = [
            one for one in group.exchanges(woke_s) if one.node == victim.name and began_s < one.sent_s < woke_s
        ]
        late = [
            one
            for one in victim.witnessed()[1]
            if one.shard in mine and one.at_s > taken[one.shard].at_s and one.epoch < taken[one.shard].epoch
        ]
        lost += len(mine)
        yield Paused(len(mine), len(at_the_door), sum(one.accepted for one in late))


def join(group: FailoverGroup) -> Joined:
    """One more node."""
    group.settle()
    before = group.owners()
    group.nodes.add().start()
    group.settle()
    after = group.owners()
    nodes = len(group.nodes.nodes)
    moved, ideal = sum(before[shard] != after[shard] for shard in after), group.shards / nodes
    return Joined(nodes, group.shards, moved, round(ideal, 2), round(moved / ideal, 3))
