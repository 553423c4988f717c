"""Which shard what belongs to: asked by every store before it writes or reads."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from kinelog.domain.identifiers import person_of, shard_of
from kinelog.journal.commit_row import Run


def require_shard(shard: int, shards: int) -> None:
    """Refuse a shard that is not there.

    Raises:
        ValueError: The log has no such shard.
    """
    if not 0 <= shard < shards:
        raise ValueError(f"shard {shard}: there are shards 0 to {shards - 1}")


def require_runs_of_shard(runs: Iterable[Run], shard: int, shards: int) -> None:
    """Refuse events of other shards: recovery looks in the person's shard only, and would never find them.

    Raises:
        ValueError: An event belongs to another shard.
    """
    for run in runs:
        belongs = shard_of_entity(run.entity, shards)
        if belongs != shard:
            raise ValueError(f"{run.entity} belongs to shard {belongs}, not {shard}")


@lru_cache(maxsize=65_536)
def shard_of_entity(entity: str, shards: int) -> int:
    """The shard of an entity's person. Asked of every run of every commit: a text knows its hash, a person does not."""
    return shard_of(person_of(entity), shards)
