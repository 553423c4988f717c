"""Workers of one process that fold side by side: while one waits for a distant store, another uses the processor."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from kinelog.projections.worker import ProjectionWorker

MakeWorker = Callable[[Sequence[int]], ProjectionWorker]
"""Makes a worker of some shards, with a store of its own."""


class WorkerThreads:
    """A few workers, each with its share of the shards."""

    def __init__(self, make: MakeWorker, shards: Sequence[int], threads: int) -> None:
        """Make the workers; nothing is folded yet.

        Args:
            make: Makes each of them.
            shards: Shards to follow.
            threads: How many workers at most; there are never more than shards.
        """
        count = max(1, min(threads, len(shards)))
        self._workers = [make(shards[number::count]) for number in range(count)]

    def follow(self, shards: Sequence[int]) -> None:
        """Share these shards among the workers from their next batch on. From any thread."""
        for number, worker in enumerate(self._workers):
            worker.follow(shards[number :: len(self._workers)])

    def run(self, stop: threading.Event) -> None:
        """Fold until `stop` is set. What ends one worker ends all, and is raised here."""

        def run(worker: ProjectionWorker) -> int:
            worker.run(stop)
            return 0

        self._each(run, stop)

    def catch_up(self, stop: threading.Event | None = None) -> int:
        """Fold until nothing is new, or until `stop` is set; how many events that were."""
        stop = stop or threading.Event()
        return self._each(lambda worker: worker.catch_up(stop), stop)

    def _each(self, work: Callable[[ProjectionWorker], int], stop: threading.Event) -> int:
        done: list[int] = []
        failures: list[BaseException] = []

        def guarded(worker: ProjectionWorker) -> None:
            try:
                done.append(work(worker))
            except BaseException as error:  # noqa: BLE001  # raised again by whoever waits for all of them
                failures.append(error)
                stop.set()

        threads = [threading.Thread(target=guarded, args=(worker,), name="projection") for worker in self._workers[1:]]
        for thread in threads:
            thread.start()
        guarded(self._workers[0])
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
        return sum(done)
