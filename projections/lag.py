"""How far the views are behind the log, and whether they move at all.

Two different alarms: a lag that grows says that folding is too slow; a head that does not move while events wait says
that it has stopped, however small the lag is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec


class ShardLag(msgspec.Struct, frozen=True):
    """One shard of the views.

    Attributes:
        events: How many events of the log are not in the views yet.
        not_moving_ms: How long events have been waiting without any of them being folded; 0 while it moves.
    """

    shard: int
    events: int
    not_moving_ms: int


def lag_by_shard(heads: Mapping[int, int], as_of: Mapping[int, int]) -> dict[int, int]:
    """Events behind, by shard; a shard that the views never heard of is behind by its whole log."""
    return {shard: max(0, head - as_of.get(shard, 0)) for shard, head in sorted(heads.items())}


class LagWatch:
    """Follows heads and offsets over time; call `observe` whenever metrics are asked for. Not thread-safe."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        """Use this clock."""
        self._now_ms = now_ms
        self._last: dict[int, tuple[int, int | None]] = {}

    def observe(self, heads: Mapping[int, int], as_of: Mapping[int, int]) -> list[ShardLag]:
        """Lag of every shard, and since when it stands still with work to do."""
        now = self._now_ms()
        found = []
        for shard, events in lag_by_shard(heads, as_of).items():
            position = as_of.get(shard, 0)
            seen, waiting_since = self._last.get(shard, (position, None))
            if events == 0:  # idle is not stuck
                waiting_since = None
            elif waiting_since is None or position != seen:
                waiting_since = now
            self._last[shard] = (position, waiting_since)
            found.append(ShardLag(shard, events, 0 if waiting_since is None else now - waiting_since))
        return found
