"""How far the live views are folded."""

from __future__ import annotations

import time
from collections.abc import Callable

from kinelog.cassandra_session.connection import Access, Statement
from kinelog.projections.cassandra.columns import number
from kinelog.projections.cassandra.question import Question

CACHE_S = 0.1
"""How old the positions may be that a page states: its rows are at least as new as an older statement says."""

_OFFSETS = Statement("SELECT shard, position FROM {views}.offsets WHERE view_name = ? AND generation = ?", Access.READ)


def folded_to(question: Question, view: str) -> dict[int, int]:
    """How far each shard is folded into one view.

    Raises:
        ViewsUnavailableError: The view is not there.
    """
    found = question.ask(_OFFSETS, (view, question.generation(view)))
    return {number(shard): number(position) for shard, position in found}


class Positions:
    """What the slowest live view shows of each shard. Thread-safe.

    It is read from every view, so it is not read for every page.
    """

    def __init__(self, shards: int, clock_s: Callable[[], float] = time.monotonic) -> None:
        """Follow a log of this many shards, by this clock."""
        self._shards = shards
        self._clock_s = clock_s
        self._known: tuple[float, dict[int, int]] = (float("-inf"), {})

    def read(self, question: Question) -> dict[int, int]:
        """The positions as they are now."""
        asked = self._clock_s()
        found = question.all((_OFFSETS, (live.view, live.generation)) for live in question.live.values())
        views = [{number(shard): number(position) for shard, position in rows} for rows in found]
        # a shard of which nothing is folded yet has no offset
        slowest = {shard: min(view.get(shard, 0) for view in views) for shard in range(self._shards)} if views else {}
        if asked >= self._known[0]:
            self._known = (asked, slowest)
        return dict(slowest)

    def stated(self, question: Question) -> dict[int, int]:
        """The positions as they were at most `CACHE_S` ago: read before the rows of a page, true of them."""
        asked, known = self._known
        return dict(known) if self._clock_s() < asked + CACHE_S else self.read(question)
