"""Keeping views, and where the store needs that its index of entities, up to date for a share of the shards."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager

from kinelog.actors.membership.placement import owners
from kinelog.actors.membership.port import Membership, View
from kinelog.actors.region import wall_clock_ms
from kinelog.projections.worker import ProjectionWorker
from kinelog.projections.worker_threads import WorkerThreads
from kinelog.service.opened_data import FollowsShards, OpenedData

logger = logging.getLogger(__name__)


@contextmanager
def workers_of(opened: OpenedData, shards: Sequence[int], at_once: int) -> Iterator[WorkerThreads]:
    """Workers that follow these shards, a few side by side, each with a store of its own."""
    with ExitStack() as stores:

        def worker(share: Sequence[int]) -> ProjectionWorker:
            own = stores.enter_context(closing(opened.view_store()))
            return ProjectionWorker(opened.journal, opened.codec, own, share, wall_clock_ms, evict=opened.keys.evict)

        yield WorkerThreads(worker, shards, at_once)


@contextmanager
def indexing(index: FollowsShards | None, stop: threading.Event) -> Iterator[None]:
    """Keep the store's index of entities in a thread of its own meanwhile, where the store needs that."""
    if index is None:
        yield
        return
    thread = threading.Thread(target=index.run, args=(stop,), name="entity-index")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def announced(membership: Membership | None) -> Iterator[None]:
    """Be seen meanwhile as a process that reads the log, so that nothing is written that it cannot read.

    Args:
        membership: Not started; None where nobody looks.

    Raises:
        MembershipError: The group does not take us.
    """
    if membership is None:
        yield
        return
    try:
        membership.start(lambda _view: None)
        yield
    finally:
        membership.stop()


class SharedProjecting:
    """This process's share of the shards in a group of workers, which changes as workers come and go.

    While it hears nothing of the group it stays with the share that it had: two workers on one shard do no harm, and a
    shard that nobody follows would leave its views standing.
    """

    def __init__(self, shards: int, following: Sequence[FollowsShards]) -> None:
        """Follow nothing before the group says so.

        Args:
            shards: How many the log has.
            following: Told the shards to follow, each time that they are others.
        """
        self._shards = shards
        self._following = following
        self._follow(())

    @contextmanager
    def taking_part(self, membership: Membership) -> Iterator[None]:
        """Be in the group meanwhile.

        Raises:
            MembershipError: The group does not take us.
        """
        try:
            membership.start(lambda view: self._viewed(membership, view))
            yield
        finally:
            membership.stop()

    def _viewed(self, membership: Membership, view: View) -> None:
        if not view.joined:
            return
        placed = owners(self._shards, view.members, view.pins)
        share = tuple(shard for shard, owner in enumerate(placed) if owner == membership.me.name)
        if share != self._share:
            logger.info("follows shards %s", ", ".join(map(str, share)) or "none")
            self._follow(share)

    def _follow(self, share: tuple[int, ...]) -> None:
        self._share = share
        for each in self._following:
            each.follow(share)
