"""Places in the log as opaque tokens: what a write answers, what `min_position`, `as_of` and a stream's event ids are.

A token is `shard-position` in hexadecimal, several joined by dots. Clients must not look inside.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from kinelog.actors.answers import LogPosition

MAX_TOKEN_CHARACTERS = 2_048

_TOKEN = re.compile(r"[0-9a-f]{1,4}-[0-9a-f]{1,15}(\.[0-9a-f]{1,4}-[0-9a-f]{1,15})*")


class BadPositionError(ValueError):
    """The token was not made here."""


def token_of(at: LogPosition) -> str:
    """The token of one position."""
    return f"{at.shard:x}-{at.position:x}"


def token_of_all(positions: Mapping[int, int]) -> str:
    """The token of a position in each shard; empty for an empty log."""
    return ".".join(f"{shard:x}-{position:x}" for shard, position in sorted(positions.items()))


def positions_of(token: str) -> dict[int, int]:
    """Positions by shard.

    Raises:
        BadPositionError: Not a token of ours.
    """
    if len(token) > MAX_TOKEN_CHARACTERS or _TOKEN.fullmatch(token) is None:
        raise BadPositionError
    pairs = (part.split("-") for part in token.split("."))
    return {int(shard, 16): int(position, 16) for shard, position in pairs}


def later(first: LogPosition | None, second: LogPosition) -> LogPosition:
    """The later of two positions of one shard."""
    return second if first is None or second.position >= first.position else first
