"""Children that wait for their next task: shared by the threads of one process, whichever engine they belong to."""

from __future__ import annotations

import threading

from kinelog.ml.engines.port import Finished, TaskFailedError, TaskLostError
from kinelog.ml.engines.task_process import FailedInChildError, ProcessDiedError, TaskProcess

ATTEMPTS = 3


class ChildPool:
    """Takes tasks from any thread; a thread has a child of its own while its task runs."""

    def __init__(self, function: str, *, tasks_per_child: int = 40) -> None:
        """Start nothing yet.

        Args:
            function: `module:name` of what takes a task's bytes and returns the answer's.
            tasks_per_child: A child is replaced after so many.
        """
        self._function = function
        self._tasks_per_child = tasks_per_child
        self._lock = threading.Lock()
        self._idle: list[TaskProcess] = []
        self._busy: list[TaskProcess] = []
        self._closed = False

    def run(self, index: int, task: bytes, stop: threading.Event | None = None) -> Finished:
        """Run a task in a child; in another one if it dies, unless `stop` is set.

        Raises:
            TaskFailedError: The task raised an error.
            TaskLostError: Several children died of it, or the answer is not wanted any more.
        """
        last_words = ""
        for _ in range(ATTEMPTS):
            child = self._take()
            if child is None:
                break
            # Asked after the child is among the busy: whoever sets `stop` interrupts these next.
            if stop is not None and stop.is_set():
                self._give_back(child)
                break
            try:
                answer, seconds, peak = child.run(task)
            except FailedInChildError as error:
                self._give_back(child)
                raise TaskFailedError(index, str(error)) from error
            except ProcessDiedError as error:
                last_words = str(error)
                self._bury(child)
            else:
                self._give_back(child)
                return Finished(index, answer, seconds, peak)
        raise TaskLostError(index, ATTEMPTS, last_words)

    def interrupt(self) -> None:
        """Kill the children that are at a task; the rest may be used again."""
        with self._lock:
            for child in self._busy:
                child.interrupt()

    def close(self) -> None:
        """Kill all children; tasks that run are lost, and no more are taken."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        self.interrupt()
        for child in idle:
            child.kill()

    def pids(self) -> list[int]:
        """Of the children that there are now."""
        with self._lock:
            return [child.pid for child in (*self._idle, *self._busy)]

    def _take(self) -> TaskProcess | None:
        with self._lock:
            if self._closed:
                return None
            child = self._idle.pop() if self._idle else TaskProcess(self._function, tasks=self._tasks_per_child)
            self._busy.append(child)
            return child

    def _give_back(self, child: TaskProcess) -> None:
        with self._lock:
            self._busy.remove(child)
            if not child.spent and not self._closed:
                self._idle.append(child)
                return
        child.kill()

    def _bury(self, child: TaskProcess) -> None:
        with self._lock:
            self._busy.remove(child)
        child.kill()
