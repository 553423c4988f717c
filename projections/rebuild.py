"""Rebuilding views: the next generation is folded beside the live one, then takes its place.

The live worker goes on all the while. The switch at the end folds the few events that the live generation has and the
new one has not, and makes the new one live, so that no reader sees a view go back. A rebuild that was killed goes on
where it stopped; nothing of it was ever visible.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping

import msgspec
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.port import Journal
from kinelog.projections.errors import RebuildRunningError, UnknownViewError, ViewsMovedError
from kinelog.projections.fold import View
from kinelog.projections.folding import Folding
from kinelog.projections.opening import open_events
from kinelog.projections.view_store import Generation, ViewStore, Write
from kinelog.projections.views import VIEWS
from kinelog.projections.writing import fold_and_write

logger = logging.getLogger(__name__)

BATCH_EVENTS = 4096
CLOSE_ENOUGH = 2 * BATCH_EVENTS
"""Events behind the live views at which the switch begins: what is left then is folded while the live worker waits."""


class RebuildProgress(msgspec.Struct, frozen=True):
    """How far a rebuild has come: `done` of `total` events of the log."""

    done: int
    total: int


def views_named(names: Iterable[str]) -> tuple[View, ...]:
    """The views of these names; `all` means all of them.

    Raises:
        UnknownViewError: No view has the name.
    """
    chosen = list(names)
    if "all" in chosen:
        return tuple(VIEWS.values())
    for name in chosen:
        if name not in VIEWS:
            raise UnknownViewError(f"no view {name!r}; there are: all, {', '.join(VIEWS)}")
    return tuple(VIEWS[name] for name in dict.fromkeys(chosen))


class Rebuild:
    """One rebuild of some views. Owns its generations until the switch; one thread."""

    def __init__(
        self, journal: Journal, codec: EventCodec, store: ViewStore, views: tuple[View, ...] = tuple(VIEWS.values())
    ) -> None:
        """Take up what a killed rebuild left, or begin."""
        self._journal = journal
        self._codec = codec
        self._store = store
        taken = store.take_up(views, journal.incarnation, journal.shards)
        self._foldings = [Folding(store, view, taken[number]) for number, view in enumerate(views)]
        for generation in taken:
            logger.info("view %s: building generation %d", generation.view, generation.generation)

    def run(
        self,
        progress: Callable[[RebuildProgress], None] = lambda _: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Fold the log and switch.

        Args:
            progress: Called after every batch.
            cancelled: Asked before every batch; what is folded so far is kept for the next time.

        Returns:
            False if it was cancelled.

        Raises:
            RebuildRunningError: Another process rebuilds the same views.
        """
        try:
            while True:
                heads = {shard: self._journal.head(shard) for shard in range(self._journal.shards)}
                behind = self._fold_up_to(heads, progress, cancelled)
                if behind is None:
                    return False
                if behind <= CLOSE_ENOUGH and self._try_to_switch():
                    break
        except ViewsMovedError as error:
            raise RebuildRunningError(f"somebody else is rebuilding these views: {error}") from error
        self._store.drop_retired()
        self._store.scrub()
        return True

    def discard(self) -> None:
        """Give up: drop what was built."""
        self._store.retire(self._generations())
        self._store.drop_retired()

    def _generations(self) -> list[Generation]:
        return [folding.generation for folding in self._foldings]

    def _fold_up_to(
        self, heads: Mapping[int, int], progress: Callable[[RebuildProgress], None], cancelled: Callable[[], bool]
    ) -> int | None:
        """Fold every shard up to a head; how many events the log has grown by meanwhile, None when cancelled."""
        total = sum(heads.values())
        progress(RebuildProgress(min(self._done(), total), total))
        for shard, head in heads.items():
            while self._position(shard) < head:
                if cancelled():
                    return None
                self._fold(shard, BATCH_EVENTS, self._store.apply)
                progress(RebuildProgress(min(self._done(), total), total))
        return sum(self._journal.head(shard) for shard in heads) - self._done()

    def _position(self, shard: int) -> int:
        return min(folding.position(shard) for folding in self._foldings)

    def _done(self) -> int:
        return sum(self._position(shard) for shard in range(self._journal.shards))

    def _fold(self, shard: int, limit: int, write: Write) -> None:
        events = open_events(self._codec, self._journal.read(shard, self._position(shard), limit))
        fold_and_write(self._foldings, {shard: events}, write)

    def _try_to_switch(self) -> bool:
        """Switch, unless the live views have gone too far ahead to keep their worker waiting for it."""
        return self._store.switch(self._generations(), self._catch_up)

    def _catch_up(self, live: Mapping[int, int], write: Write) -> bool:
        """Fold what the live views show and the builds lack, unless that takes too long."""
        ahead = {shard: position for shard, position in live.items() if position > self._position(shard)}
        if sum(position - self._position(shard) for shard, position in ahead.items()) > CLOSE_ENOUGH:
            return False
        for shard, position in ahead.items():
            while self._position(shard) < position:
                self._fold(shard, position - self._position(shard), write)
        return True
