"""Which projection workers there are, as an operator is told. Pure, as `group_report`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from kinelog.actors.membership.placement import owners
from kinelog.actors.membership.port import Member, View


class WorkerLine(msgspec.Struct, frozen=True, kw_only=True):
    """One process that reads the log for the views, as it announced itself: it was heard of within its session.

    Attributes:
        name: Of its node; of one that shares nothing, with its life behind it.
        life: Of this start.
        version: Of its program.
        reads: Newest form of events that it can read.
        shards: Those that it is to follow. None for one that shares none: it follows what it was started for.
        lag: Events of its shards that the views do not have yet; None where that is not known.
    """

    name: str
    life: str
    version: str
    reads: int
    shards: tuple[int, ...] | None
    lag: int | None


def worker_lines(sharing: View, reading: View, shards: int, lag: Mapping[int, int]) -> tuple[WorkerLine, ...]:
    """A line for each.

    Args:
        sharing: Those that share the shards.
        reading: Those that only say what they read.
        shards: How many the log has.
        lag: Events behind, by shard, where that is known.
    """
    placed = owners(shards, sharing.members, sharing.pins)
    follow = {
        member.name: tuple(shard for shard, name in enumerate(placed) if name == member.name)
        for member in sharing.members
    }
    sharers = (_line(member, follow[member.name], lag) for member in sharing.members)
    return (*sharers, *(_line(member, None, lag) for member in reading.members))


def _line(member: Member, shards: tuple[int, ...] | None, lag: Mapping[int, int]) -> WorkerLine:
    behind = None if shards is None or not lag.keys() >= set(shards) else sum(lag[shard] for shard in shards)
    return WorkerLine(
        name=member.name,
        life=member.life,
        version=member.version,
        reads=member.reads,
        shards=shards,
        lag=behind,
    )


def workers_in_words(lines: Sequence[WorkerLine]) -> list[str]:
    """The lines as a person reads them."""
    table = [f"{'worker':37} {'version':10} reads     lag  shards", *map(_in_words, lines)] if lines else []
    if any(line.shards is not None for line in lines):
        return table
    return [*table, "no projection worker shares the shards: nobody follows one that no worker was started for"]


def _in_words(line: WorkerLine) -> str:
    shards = "its own" if line.shards is None else ", ".join(map(str, line.shards)) or "none"
    lag = "?" if line.lag is None else line.lag
    return f"{line.name:37} {line.version:10} {line.reads:5} {lag:>7}  {shards}"
