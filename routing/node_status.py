"""How a node is, as it tells other nodes and operators."""

from __future__ import annotations

import msgspec
from kinelog.actors.shard_life import ShardStatus


class NodeStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One node.

    Attributes:
        name: Of the node.
        life: Of this start.
        version: Of the program.
        ready: Whether it is joined and answers for all its shards.
        draining: Whether it lets its shards go.
        joined: Whether it is a member, as far as it knows.
        view: Number of the newest view it saw.
        forwarded: Commands it passed on to other nodes since its start.
        store_answers: Whether the log answered when last looked at; None where nobody looked, or of an older version.
        in_flight: Questions to other nodes that are not answered yet, by node.
        shards: What it owns, gains or lets go.
    """

    name: str
    life: str
    version: str
    ready: bool
    draining: bool
    joined: bool
    view: int
    forwarded: int = 0
    store_answers: bool | None = None
    in_flight: dict[str, int] = msgspec.field(default_factory=dict)
    shards: tuple[ShardStatus, ...] = ()
