"""What the pure core of the moves wants done; whoever runs it does these in order."""

from __future__ import annotations

import msgspec
from kinelog.actors.membership.port import Member


class Take(msgspec.Struct, frozen=True):
    """Serve these shards too, from now on."""

    shards: frozenset[int]


class AskFor(msgspec.Struct, frozen=True):
    """Ask a member to let go of a shard. → `answered` with the same number, whatever comes of it."""

    shard: int
    member: Member
    number: int


class LetGo(msgspec.Struct, frozen=True):
    """Let go of a shard in order. → `let_go` with the same number."""

    shard: int
    number: int


class Yield(msgspec.Struct, frozen=True):
    """Serve a shard on that goes to another owner, but leave it when fenced. → `fenced`; `on` False takes that back."""

    shard: int
    on: bool


class ForgetAll(msgspec.Struct, frozen=True):
    """Let go of everything at once: somebody else may own it already."""


class Tell(msgspec.Struct, frozen=True):
    """Tell whoever asked us to let go of a shard that it is not here any more."""

    shard: int


MoveEffect = Take | AskFor | LetGo | Yield | ForgetAll | Tell
