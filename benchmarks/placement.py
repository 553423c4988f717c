"""How evenly shards lie, and how many move when a fourth node joins: against plain rendezvous hashing, over many names.

    python -m benchmarks.placement

Moved: shards that change their owner as the fourth of four equal nodes joins, in shares of a fourth. Load: what the
fullest node has, in shares: of four nodes, and of the three that are left after any one of them went. Rounded up, a
share is more than 1 where shards are few: 3 of 8 shards are 1.12 shares of a third. Each is the mean over all groups
of names and, behind it, the largest. The peer draws a hash a node and shard, as rendezvous hashing is usually done.
"""

from __future__ import annotations

import argparse
import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from kinelog.actors.membership.placement import owners, with_best_salt
from kinelog.actors.membership.port import Member
from typing_extensions import override

NODES = 4
SHARDS = (8, 16, 24, 32, 64, 128, 256)
LIMIT = 1.2

Owners = Callable[[int, Sequence[Member]], Sequence[str | None]]


@dataclass
class Figures:
    """Of one way of placing, with one number of shards; each a ratio to the share."""

    moved: list[float] = field(default_factory=list)
    load: list[float] = field(default_factory=list)
    load_after_a_loss: list[float] = field(default_factory=list)

    def take(self, shards: int, group: Sequence[Member], place: Owners) -> None:
        """Measure one group of nodes, of which the last one joined last."""
        before, after = place(shards, group[:-1]), place(shards, group)
        share = shards / len(group)
        self.moved.append(sum(old != new for old, new in zip(before, after, strict=True)) / share)
        self.load.append(_fullest(after, group) / share)
        for lost in group:
            left = [member for member in group if member is not lost]
            self.load_after_a_loss.append(_fullest(place(shards, left), left) / (shards / len(left)))

    @override
    def __str__(self) -> str:
        columns = (self.moved, self.load, self.load_after_a_loss)
        return "   ".join(f"{sum(values) / len(values):5.2f} {max(values):5.2f}" for values in columns)


def _fullest(placed: Sequence[str | None], group: Sequence[Member]) -> int:
    return max(list(placed).count(member.name) for member in group)


def ours(shards: int, group: Sequence[Member]) -> Sequence[str | None]:
    """As nodes are placed here."""
    return owners(shards, group, {})


def plain(shards: int, group: Sequence[Member]) -> Sequence[str | None]:
    """Rendezvous hashing as it is usually done: the highest hash of node and shard."""
    return [max((_hash(member.name, shard), member.name) for member in group)[1] for shard in range(shards)]


def _hash(name: str, shard: int) -> bytes:
    return hashlib.blake2b(f"{name}/{shard}".encode(), digest_size=8).digest()


def joined(shards: int, names: Sequence[str]) -> list[Member]:
    """A group whose members joined one after the other."""
    group: list[Member] = []
    for name in names:
        group.append(
            with_best_salt(shards, Member(name=name, life="00000000", address="", version="1", reads=1), group)
        )
    return group


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--groups", type=int, default=100, help="of random names, a row")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    print(f"{arguments.groups} groups of {NODES} nodes; each cell: mean, largest")
    print(f"{'shards':>6}          {'moved/share':>11}   {'load/share':>11}   {'after loss':>11}")
    worst = 0.0
    for shards in SHARDS:
        here, peer = Figures(), Figures()
        for _ in range(arguments.groups):
            group = joined(shards, [f"node-{chance.getrandbits(48):012x}" for _ in range(NODES)])
            here.take(shards, group, ours)
            peer.take(shards, group, plain)
        print(f"{shards:6}  {'here':6}  {here}")
        print(f"{'':6}  {'plain':6}  {peer}")
        worst = max(worst, *here.moved)
    print(f"moved / share, at worst: {worst:.2f} (wanted: at most {LIMIT})")


if __name__ == "__main__":
    main()
