"""What goes wrong between a client and the cluster in one run."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class ClusterFaults:
    """Chances (0 to 1) and times (ms).

    Attributes:
        refused: A statement finds no coordinator: nothing happens, and that is known.
        lost: A conditional write never arrives, and times out.
        unheard: It is applied, and times out.
        hidden: Of those that are unheard: how many are decided but not yet visible to ordinary reads.
        late: It times out, and is applied later, unless its condition no longer holds then.
        late_ms: How much later at most.
        timeout_ms: How long a client waits.
        outages: When the cluster answers nobody: from, to, ms after the start.
        bucket_bytes: When a bucket of the log is sealed; a few commits.
        block_bytes: How much of the log is copied into the index of entities at once; a few commits.
        tail_bytes: How much may lie behind the index.
        indexers: How many processes copy, for how long each rests between two blocks at most (ms).
        indexer_stops: Times at which one of them stands still, ms after the start, and for how long.
        rebuilds: Times at which the index is built anew.
    """

    refused: float
    lost: float
    unheard: float
    hidden: float
    late: float
    late_ms: int
    slow_ms: int
    timeout_ms: int
    outages: tuple[tuple[int, int], ...]
    bucket_bytes: int
    block_bytes: int
    tail_bytes: int
    indexers: tuple[int, ...]
    indexer_stops: tuple[tuple[int, int], ...]
    rebuilds: tuple[int, ...]


def faults_of(rng: Random) -> ClusterFaults:
    """Draw them; each seed turns others on."""

    def sometimes(chance: float, most: float) -> float:
        return rng.random() * most if rng.random() < chance else 0.0

    block_bytes = rng.choice((1, 1_000, 3_000, 10_000))
    outages = [(begin, begin + rng.randint(200, 4_000)) for begin in rng.choices(range(100, 12_000), k=2)]
    return ClusterFaults(
        refused=sometimes(0.3, 0.1),
        lost=sometimes(0.4, 0.2),
        unheard=sometimes(0.5, 0.2),
        hidden=sometimes(0.7, 1.0),
        late=sometimes(0.5, 0.25),
        late_ms=rng.choice((50, 500, 5_000)),
        slow_ms=rng.choice((1, 10, 60, 300)),
        timeout_ms=rng.choice((100, 600, 2_000)),
        outages=tuple(outages[: rng.choice((0, 0, 0, 1, 2))]),
        bucket_bytes=rng.choice((1, 400, 1_500, 6_000, 1 << 20)),
        block_bytes=block_bytes,
        tail_bytes=block_bytes * rng.choice((1, 2, 4)),
        indexers=rng.choice(((), (200,), (300, 300), (1_500,), (200, 4_000))),
        indexer_stops=tuple((rng.randint(0, 12_000), rng.randint(50, 5_000)) for _ in range(rng.choice((0, 2, 5)))),
        rebuilds=tuple(rng.randint(500, 14_000) for _ in range(rng.choice((0, 0, 1, 3)))),
    )
