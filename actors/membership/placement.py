"""Which node should own which shard: weighted rendezvous hashing. Pure: the same view gives everybody the same answer.

Each member draws a cost for each shard, and the cheapest owns it. A cost depends on that member and that shard alone,
so who joins takes shards and moves no others, and who leaves gives away its own and moves no others. That is exact, and
it leaves one freedom: *which* costs a member draws. Chance alone is uneven where shards are few (a fourth node that
joins 32 shards takes more than 1.2 times its share in one of four trials). So the draws are

- stratified: over all shards a member's draws are spread evenly between 0 and 1, in an order of its own;
- chosen: who joins tries `SALTS` orders and takes the one that leaves everybody nearest to their share, now and after
  any one of them has left. It announces the number of that order (`Member.salt`) and keeps it for its life. The choice
  binds nobody else, and two that join at the same moment only choose a little worse.

`benchmarks/placement.py` prints what that gives.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache

import msgspec
import numpy as np
from kinelog.actors.membership.port import SALTS, Member
from numpy.typing import NDArray

Costs = NDArray[np.float64]
"""Of one member: a cost a shard; the lowest among the members owns."""


def owners(shards: int, members: Sequence[Member], pins: Mapping[int, str]) -> tuple[str | None, ...]:
    """The node that should own each shard.

    Args:
        shards: How many there are.
        members: Who is there, in any order. Those that are draining own nothing, unless all of them are.
        pins: Shard → node that an operator chose; void while that node is away or draining.

    Returns:
        A name a shard; None throughout where there is no member.
    """
    able = _able(members)
    if not able:
        return (None,) * shards
    cheapest = np.argmin(_costs(shards, able), axis=0)
    names = {member.name for member in able}
    return tuple(
        pins[shard] if pins.get(shard) in names else able[index].name for shard, index in enumerate(cheapest.tolist())
    )


def with_best_salt(shards: int, me: Member, others: Sequence[Member]) -> Member:
    """The same member with the salt to join with.

    The same others give the same choice: a node that restarts comes back to the shards that it had.

    Args:
        shards: How many there are.
        me: Who is about to join.
        others: Who is there already.
    """
    others = [other for other in others if other.name != me.name and not other.draining]
    if not others or not shards:
        return msgspec.structs.replace(me, salt=0)
    everybody = [*sorted(others, key=_order), me]
    first, second = _two_cheapest(_costs(shards, everybody[:-1]))
    weights = np.array([member.weight for member in everybody])
    unevenness = [
        _unevenness(weights, *_inserted(first, second, _member_costs(shards, me.name, salt, me.weight), len(others)))
        for salt in range(SALTS)
    ]
    return msgspec.structs.replace(me, salt=int(np.argmin(unevenness)))


Ranked = tuple[NDArray[np.intp], Costs]
"""For each shard: a member's index, and its cost."""


def _two_cheapest(costs: Costs) -> tuple[Ranked, Ranked]:
    order = np.argsort(costs, axis=0, kind="stable")
    shards = np.arange(costs.shape[1])
    if len(costs) == 1:  # nobody comes second yet: the member that joins always does, or better
        return (order[0], costs[0]), (order[0], np.full(costs.shape[1], np.inf))
    return (order[0], costs[order[0], shards]), (order[1], costs[order[1], shards])


def _inserted(first: Ranked, second: Ranked, mine: Costs, me: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Who is cheapest and who comes second, once one more member draws."""
    wins = mine < first[1]
    places = mine < second[1]
    return np.where(wins, me, first[0]), np.where(wins, first[0], np.where(places, me, second[0]))


def _unevenness(weights: Costs, first: NDArray[np.intp], second: NDArray[np.intp]) -> float:
    """How far loads are from shares, squared and relative: of all members, and of the rest after each one's leaving."""
    members = len(weights)
    inherits = np.bincount(first * members + second, minlength=members * members).reshape(members, members)
    loads = inherits.sum(axis=1)
    now = _distance(loads, weights)
    after = loads + inherits  # row: who leaves; column: what each of the others then has
    later = 0.0
    for leaver in range(members):
        stays = np.arange(members) != leaver
        later += _distance(after[leaver, stays], weights[stays])
    return float(now + later / members)


def _distance(loads: NDArray[np.intp], weights: Costs) -> float:
    shares = weights * (loads.sum() / weights.sum())
    return float((np.square(loads - shares) / shares).sum())


def _able(members: Sequence[Member]) -> list[Member]:
    ordered = sorted(members, key=_order)
    return [member for member in ordered if not member.draining] or ordered


def _order(member: Member) -> tuple[str, str]:
    return (member.name, member.life)


def _costs(shards: int, members: Sequence[Member]) -> Costs:
    return np.stack([_member_costs(shards, member.name, member.salt, member.weight) for member in members])


def _member_costs(shards: int, name: str, salt: int, weight: float) -> Costs:
    # The race of exponential clocks: the one that runs `weight` times as fast rings first that much more often.
    costs: Costs = -np.log(_draws(shards, name, salt)) / weight
    return costs


@lru_cache(maxsize=8 * SALTS)
def _draws(shards: int, name: str, salt: int) -> Costs:
    """One number in (0, 1] a shard, evenly spread over all of them. Not to be changed: it is kept."""
    digest = hashlib.shake_128(f"{name}/{salt}".encode()).digest(8 * shards)
    drawn = np.frombuffer(digest, dtype="<u8")
    ranks = np.empty(shards, dtype=np.float64)
    ranks[np.argsort(drawn, kind="stable")] = np.arange(shards)
    return (ranks + (drawn.astype(np.float64) + 1.0) / 2.0**64) / shards
