"""The engine of one machine: as many children as cores."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Generator, Sequence

from kinelog.ml.engines.child_pool import ChildPool
from kinelog.ml.engines.port import Engine, EngineError, Finished
from typing_extensions import override


class ProcessEngine(Engine):
    """Threads of this process, each waiting for a child."""

    name = "processes"

    def __init__(self, function: str, *, processes: int | None = None, tasks_per_child: int = 40) -> None:
        """Start nothing yet.

        Args:
            function: `module:name` of what takes a task's bytes and returns the answer's.
            processes: How many children at a time; as many as this process may use cores where None.
            tasks_per_child: A child is replaced after so many.
        """
        self.processes = processes or len(os.sched_getaffinity(0))
        self.children = ChildPool(function, tasks_per_child=tasks_per_child)

    @override
    def map(self, tasks: Sequence[bytes]) -> Generator[Finished]:
        waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
        for index in range(len(tasks)):
            waiting.put(index)
        answers: queue.SimpleQueue[Finished | EngineError] = queue.SimpleQueue()
        stop = threading.Event()
        threads = [
            threading.Thread(target=self._work, args=(tasks, waiting, answers, stop), name=f"tasks-{number}")
            for number in range(min(self.processes, len(tasks)))
        ]
        for thread in threads:
            thread.start()
        try:
            for _ in tasks:
                answer = answers.get()
                if isinstance(answer, EngineError):
                    raise answer
                yield answer
        finally:
            stop.set()
            # Whatever still runs is not wanted any more: nothing does after the last answer.
            self.children.interrupt()
            for thread in threads:
                thread.join()

    def _work(
        self,
        tasks: Sequence[bytes],
        waiting: queue.SimpleQueue[int],
        answers: queue.SimpleQueue[Finished | EngineError],
        stop: threading.Event,
    ) -> None:
        while not stop.is_set():
            try:
                index = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                answers.put(self.children.run(index, tasks[index], stop))
            except EngineError as error:
                answers.put(error)
                return

    @override
    def close(self) -> None:
        self.children.close()
