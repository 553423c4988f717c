"""The worker that keeps the live views: follows every shard's log and folds what is new."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping

from kinelog.journal.errors import JournalError
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.port import Journal
from kinelog.observability.json_logs import of_shard
from kinelog.privacy.errors import PrivacyError
from kinelog.projections import commit_traces, metrics
from kinelog.projections.errors import ViewsMovedError
from kinelog.projections.fold import View
from kinelog.projections.folding import Folding
from kinelog.projections.opening import Opened, open_events
from kinelog.projections.parking import replay_person
from kinelog.projections.view_store import CANDIDATE, LIVE, Generation, ViewStore, fits
from kinelog.projections.views import ALL_VIEWS
from kinelog.projections.writing import fold_and_write

logger = logging.getLogger(__name__)

BATCH_EVENTS = 2048
"""Events of one transaction: large enough that its fixed cost disappears, small enough that readers see it soon."""

SHORTEST_WAIT_S = 0.004
LONGEST_WAIT_S = 0.05

GATHER_S = 0.2
"""Time between the beginnings of two batches under load. A batch costs ten milliseconds before its first event, and
while people train the processor is the service's: what comes in meanwhile is folded together. Readers see an event that
comes after a pause at once, and one under load this much later."""

FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 4.0
"""Between two tries while the store is away."""

LATEST_SCRUB_S = 60.0
SCRUB_AGAIN_S = 10.0


class ProjectionWorker:
    """Folds the log of some shards into the live generation of every view.

    Offsets are written in the transaction that writes the rows, and only if they still are what the fold started from:
    a crash at any point, or a second worker, folds nothing twice.
    """

    def __init__(
        self,
        journal: Journal,
        codec: EventCodec,
        store: ViewStore,
        shards: Iterable[int] | None = None,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        views: tuple[View, ...] = ALL_VIEWS,
        evict: Callable[[str, str], None] | None = None,
    ) -> None:
        """Prepare; nothing is read or written before `step` or `run`.

        Args:
            journal: The log.
            codec: Opens its events.
            store: Where the views are; this worker's own, since a store belongs to one thread.
            shards: Shards to follow, all of the journal's by default.
            clock: Unix milliseconds, for the age of events only: no row depends on it.
            views: The views to keep.
            evict: Called with tenant and pseudonym of everybody whose erasure is folded: their key must not stay in
                this process's memory.
        """
        self._journal = journal
        self._unreadable: dict[int, str] = {}
        self._codec = codec
        self._store = store
        self._shards = sorted(range(journal.shards) if shards is None else shards)
        self._wanted = self._shards
        self._clock = clock
        self._views = views
        self._evict = evict
        self._foldings: list[Folding] = []
        self._seen_mark = -1
        self._first_shard = 0
        self._away = 0.0

    def follow(self, shards: Iterable[int]) -> None:
        """Follow these shards from the next batch on. From any thread."""
        self._wanted = sorted(shards)

    def run(self, stop: threading.Event) -> None:
        """Fold until `stop` is set; what is being folded then is finished first."""
        wait = SHORTEST_WAIT_S
        scrub_at = time.monotonic()
        while not stop.is_set():
            began = time.monotonic()
            folded = self._unless_away(stop, self.step)
            busy = folded > 0
            if busy:
                wait = SHORTEST_WAIT_S
                if folded < self._full_batch():  # a full one has more behind it: the views are late
                    stop.wait(max(0.0, began + GATHER_S - time.monotonic()))
            else:
                stop.wait(wait)
                wait = min(wait * 2, LONGEST_WAIT_S)
            now = time.monotonic()
            if not self._away and now >= scrub_at + (LATEST_SCRUB_S if busy else 0):
                # Writing the file anew makes the views late: in a pause if there is one, and not again at once.
                more = self._unless_away(stop, self._store.scrub)
                scrub_at = now + (1 if more else SCRUB_AGAIN_S)
        # What was put off must not lie in the files for as long as nobody starts a worker again.
        if not self._away:
            self._unless_away(stop, self._store.scrub)

    def _unless_away(self, stop: threading.Event, work: Callable[[], int]) -> int:
        """Do something with the store; while it is away, wait longer with every try, say so once, and give 0."""
        try:
            done = work()
        except self._store.passing as error:
            metrics.RETRIES.inc()
            self._forget_cached()
            if not self._away:
                logger.warning("the views' store does not answer, and is asked again until it does: %s", error)
            self._away = min(max(2 * self._away, FIRST_PAUSE_S), LONGEST_PAUSE_S)
            stop.wait(self._away)
            return 0
        if self._away:
            logger.info("the views' store answers again")
            self._away = 0.0
        return done

    def catch_up(self, stop: threading.Event | None = None) -> int:
        """Fold until nothing is new, or until `stop` is set; how many events that were."""
        total = 0
        while (stop is None or not stop.is_set()) and (folded := self.step()):
            total += folded
        self._store.scrub()
        return total

    def step(self) -> int:
        """Fold one batch; how many events it had.

        Raises:
            NewerViewsError: Newer code has rebuilt a view.
        """
        self._take_over()
        self._sync()
        chunks = self._read()
        count = sum(map(len, chunks.values()))
        if count:
            reached = {shard: max(folding.position(shard) for folding in self._foldings) for shard in chunks}
            began_ns, started = time.time_ns(), time.perf_counter()
            if not self._fold(chunks):
                return 1  # somebody else was faster: look again soon
            metrics.BATCH_SECONDS.observe(time.perf_counter() - started)
            metrics.EVENTS.inc(count)
            commit_traces.folded(self._journal, chunks, reached, began_ns)
            for folding in self._foldings:
                for shard in chunks:
                    metrics.POSITION.labels(folding.view.name, str(shard)).set(folding.position(shard))
            newest = max((o.event.at_ms for events in chunks.values() for o in events if o.event), default=None)
            if newest is not None:
                metrics.NEWEST_EVENT_AGE_SECONDS.set(max(0, self._clock() - newest) / 1000)
        return count

    def _take_over(self) -> None:
        wanted = self._wanted
        if wanted is self._shards:
            return
        gained, self._shards = set(wanted).difference(self._shards), wanted
        if gained:
            # Whoever followed them before went on since: what is in memory of offsets and rows is theirs to be wrong.
            self._forget_cached()

    def _sync(self) -> None:
        """Follow what other processes did: rebuilds that switched, parked events that were replayed."""
        mark = self._store.change_mark()
        if self._foldings and mark == self._seen_mark:
            return
        self._seen_mark = mark
        live = self._live()
        if not all(fits(view, self._journal.incarnation, live.get(view.name)) for view in self._views):
            self._store.begin(self._views, self._journal.incarnation, self._journal.shards)
            self._store.drop_retired()
            live = self._live()
        kept = {folding.generation: folding for folding in self._foldings}
        self._foldings = []
        for view, generation in self._followed(live):
            folding = kept.get(generation)
            if folding is None:
                folding = Folding(self._store, view, generation)
            else:
                folding.reload()
            self._foldings.append(folding)
        self._take_in_stranded()

    def _take_in_stranded(self) -> None:
        """Fold events that were set aside here while what they waited for was being replayed elsewhere."""
        for folding in list(self._foldings):
            for owner in folding.stranded():
                anew = Folding(self._store, folding.view, folding.generation)
                try:
                    replay_person(self._journal, self._codec, self._store, anew, owner)
                except ViewsMovedError:
                    metrics.CONFLICTS.inc()  # somebody else is at it
                    return
                self._foldings = [kept for kept in self._foldings if kept is not folding]
        if len(self._foldings) < len(self._views):
            self._forget_cached()
            self._sync()

    def _live(self) -> dict[str, Generation]:
        return {generation.view: generation for generation in self._store.generations(LIVE)}

    def _followed(self, live: Mapping[str, Generation]) -> list[tuple[View, Generation]]:
        """What is folded, in the order in which offsets are written: a candidate may never show less than its view."""
        views = {view.name: view for view in self._views}
        candidates = [
            (views[found.view], found)
            for found in self._store.generations(CANDIDATE)
            if found.view in views and fits(views[found.view], self._journal.incarnation, found)
        ]
        return candidates + [(view, live[view.name]) for view in self._views]

    def _read(self) -> dict[int, list[Opened]]:
        """The next events of each shard, a batch in all; every shard gets its turn to be first."""
        chunks: dict[int, list[Opened]] = {}
        room = self._full_batch()
        start = self._first_shard % max(len(self._shards), 1)
        for shard in self._shards[start:] + self._shards[:start]:
            if room <= 0:
                break
            behind = min(folding.position(shard) for folding in self._foldings)
            try:
                events = open_events(self._codec, self._journal.read(shard, behind, room))
            except (JournalError, PrivacyError) as error:
                # the other shards go on; this one's standing head is what the metrics and the operator see
                metrics.UNREADABLE.labels(str(shard)).inc()
                self._tell_unreadable(shard, behind, str(error))
                continue
            if self._unreadable.pop(shard, None) is not None:
                logger.info("shard %d: log behind position %d can be read again", shard, behind, extra=of_shard(shard))
            if events:
                chunks[shard] = events
                room -= len(events)
        self._first_shard = start + 1
        return chunks

    def _full_batch(self) -> int:
        return BATCH_EVENTS * self._store.batches_at_once

    def _tell_unreadable(self, shard: int, behind: int, why: str) -> None:
        # Once: it is tried again with every step, and a log full of one line hides all others.
        if self._unreadable.get(shard) != why:
            self._unreadable[shard] = why
            logger.error(
                "shard %d: log behind position %d cannot be read: %s", shard, behind, why, extra=of_shard(shard)
            )

    def _fold(self, chunks: dict[int, list[Opened]]) -> bool:
        try:
            batches = fold_and_write(self._foldings, chunks, self._store.apply)
        except ViewsMovedError:
            metrics.CONFLICTS.inc()
            self._forget_cached()
            return False
        except BaseException:
            self._forget_cached()
            raise
        if self._evict is not None:
            for owner in set[str]().union(*(batch.erased for batch in batches)):
                self._evict(*owner.split("/", 1))
        return True

    def _forget_cached(self) -> None:
        """Start again from the store: rows in memory are of a batch that was not written."""
        self._foldings = []
        self._seen_mark = -1
