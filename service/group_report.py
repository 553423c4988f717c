"""What an operator is told of a group of nodes. Pure: made of what others have asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
from kinelog.actors.membership.placement import owners
from kinelog.actors.membership.port import View
from kinelog.actors.phase import SERVING
from kinelog.actors.shard_life import ShardStatus
from kinelog.routing.cluster_status import Collected
from kinelog.service.group_workers import WorkerLine, worker_lines, workers_in_words

SERVING_PHASES = frozenset(phase.name.lower() for phase in SERVING)
GONE_PHASES = frozenset({"away", "stopped"})


class NodeLine(msgspec.Struct, frozen=True, kw_only=True):
    """One member.

    Attributes:
        name: Of the node.
        life: Of this start.
        address: Where it was asked.
        version: Of its program.
        weight: Its share, against the others'.
        draining: Whether it is to own nothing.
        ready: Whether it answers for all its shards; None where it did not say.
        store_answers: Whether it reached the log when it last looked; None where it did not say.
        owns: How many shards it is to own.
        serves: How many it does answer for; None where it did not say.
        forwarded: Commands it passed on to others since its start; None where it did not say.
        problem: Why it did not say.
    """

    name: str
    life: str
    address: str
    version: str
    weight: float
    draining: bool
    ready: bool | None
    store_answers: bool | None
    owns: int
    serves: int | None
    forwarded: int | None
    problem: str | None


class ShardLine(msgspec.Struct, frozen=True, kw_only=True):
    """One shard.

    Attributes:
        shard: Its number.
        owner: The node that is to own it.
        pinned: Whether an operator said so.
        served_by: Nodes that say that they answer for it: one, or none for a moment. None where its owner did not say.
        moving: Whether another than its owner holds it, or its owner does not answer for it yet; as far as was said.
        phase: What its owner does with it, or another that holds it still.
        epoch: The epoch of who holds it, 0 for none.
        head: The log's last position, as far as who holds it knows.
        mailbox: Commands that wait.
        lag: Events that the views do not have yet; None where that is not known.
    """

    shard: int
    owner: str | None
    pinned: bool
    served_by: tuple[str, ...] | None
    moving: bool
    phase: str
    epoch: int
    head: int
    mailbox: int
    lag: int | None


class GroupReport(msgspec.Struct, frozen=True, kw_only=True):
    """A group of nodes.

    Attributes:
        nodes: Its members, by name.
        shards: All shards; those of nodes that did not answer as placement has them.
        workers: Who folds the log into the views, or reads it otherwise: those that share the shards first.
        drained: Nodes that an operator drained, there or not.
        notes: What is not known, and why.
    """

    nodes: tuple[NodeLine, ...]
    shards: tuple[ShardLine, ...]
    workers: tuple[WorkerLine, ...]
    drained: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """What the coordinator knows.

    Attributes:
        nodes: Who serves, and what is pinned.
        drained: What operators drained.
        sharing: Workers that share the shards.
        reading: Others that say what they read.
    """

    nodes: View
    drained: frozenset[str]
    sharing: View
    reading: View


def report_of(
    announced: Announced,
    collected: Sequence[Collected],
    shards: int | None,
    lag: Mapping[int, int],
    notes: Sequence[str] = (),
) -> GroupReport:
    """Put together what is known.

    Args:
        announced: Who takes part.
        collected: What each member said.
        shards: How many the log has; None leaves it to what the nodes say.
        lag: Events behind, by shard, where that is known.
        notes: What could not be found out, in words.
    """
    said = {each.member.name: {s.shard: s for s in each.status.shards} for each in collected if each.status}
    count = shards if shards is not None else max((1 + s for of in said.values() for s in of), default=0)
    view = announced.nodes
    placed = owners(count, view.members, view.pins)
    lines = tuple(_shard(shard, placed[shard], view, said, lag.get(shard)) for shard in range(count))
    nodes = tuple(_node(each, placed, lines) for each in collected)
    silent = [
        f"{node.name} did not answer ({node.problem}): its shards stand as they are placed"
        for node in nodes
        if node.problem is not None
    ]
    return GroupReport(
        nodes=nodes,
        shards=lines,
        workers=worker_lines(announced.sharing, announced.reading, count, lag),
        drained=tuple(sorted(announced.drained)),
        notes=(*notes, *silent),
    )


def _shard(
    shard: int, owner: str | None, view: View, said: Mapping[str, Mapping[int, ShardStatus]], lag: int | None
) -> ShardLine:
    known = {name: statuses[shard] for name, statuses in said.items() if shard in statuses}
    holds = {name: status for name, status in known.items() if status.phase not in GONE_PHASES}
    serves = tuple(sorted(name for name, status in holds.items() if status.phase in SERVING_PHASES))
    others = any(name != owner for name in holds)
    told = (owner is not None and holds.get(owner)) or next(iter(holds.values()), None)
    answered = owner in said
    return ShardLine(
        shard=shard,
        owner=owner,
        pinned=view.pins.get(shard) == owner and owner is not None,
        served_by=serves if answered or serves else None,
        moving=others or (answered and owner not in serves),
        phase=told.phase if told else "away" if answered else "unknown",
        epoch=told.epoch if told else 0,
        head=told.head if told else 0,
        mailbox=told.mailbox if told else 0,
        lag=lag,
    )


def _node(each: Collected, placed: Sequence[str | None], lines: Sequence[ShardLine]) -> NodeLine:
    member, status = each.member, each.status
    return NodeLine(
        name=member.name,
        life=member.life,
        address=member.address,
        version=member.version,
        weight=member.weight,
        draining=member.draining,
        ready=status.ready if status else None,
        store_answers=status.store_answers if status else None,
        owns=placed.count(member.name),
        serves=sum(member.name in (line.served_by or ()) for line in lines) if status else None,
        forwarded=status.forwarded if status else None,
        problem=None if status else each.problem,
    )


def in_words(report: GroupReport) -> str:
    """The report as a person reads it."""
    if not report.nodes:
        workers = workers_in_words(report.workers) if report.workers else []
        return "\n".join(["no node is there", *workers, *report.notes])
    lines = [f"{'node':20} {'address':22} {'version':10} weight  state      owns serves  forwarded"]
    lines += [_node_in_words(node) for node in report.nodes]
    lines += ["", f"shard {'owner':20} {'state':16} epoch      head  waiting     lag"]
    lines += [_shard_in_words(line) for line in report.shards]
    lines += ["", *workers_in_words(report.workers)]
    if away := sorted(set(report.drained) - {node.name for node in report.nodes}):
        lines += ["", f"drained, and not there: {', '.join(away)}"]
    return "\n".join([*lines, *([""] if report.notes else []), *report.notes])


def _node_in_words(node: NodeLine) -> str:
    state = _state(node)
    serves = "?" if node.serves is None else node.serves
    forwarded = "?" if node.forwarded is None else node.forwarded
    address = node.address or "-"
    return (
        f"{node.name:20} {address:22} {node.version:10} {node.weight:6g}  {state:10} {node.owns:4} {serves:>6} "
        f"{forwarded:>10}"
    )


def _state(node: NodeLine) -> str:
    if node.store_answers is False:
        return "no log"
    if node.draining:
        return "draining"
    return "?" if node.ready is None else "ready" if node.ready else "not ready"


def _shard_in_words(line: ShardLine) -> str:
    owner = f"{line.owner or '-'}{' (pinned)' if line.pinned else ''}"
    state = line.phase
    if line.moving:
        before = [name for name in line.served_by or () if name != line.owner]
        state = f"moving from {before[0]}" if before else f"moving: {line.phase}"
    lag = "?" if line.lag is None else line.lag
    return f"{line.shard:5} {owner:20} {state:16} {line.epoch:5} {line.head:9} {line.mailbox:8} {lag:>7}"
