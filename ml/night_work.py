"""Tasks given to an engine, counted, and their results read from the cache."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from kinelog.ml.engines.port import Engine
from kinelog.ml.night_log import NightLog
from kinelog.ml.result_cache import ResultCache
from kinelog.ml.tasks import Task, TaskReport, task_bytes


class ResultMissingError(Exception):
    """A result that a worker wrote is not there: night and workers do not share the folder of results."""


@dataclass
class Spent:
    """What the tasks of a night took; grows while it works."""

    fits: int = 0
    tasks: int = 0
    reused: int = 0
    task_s: float = 0.0
    preparation_s: float = 0.0
    peak_bytes: int = 0


@dataclass
class NightWork:
    """The engine and the cache of one night."""

    engine: Engine
    cache: ResultCache
    log: NightLog
    spent: Spent = field(default_factory=Spent)
    _tasks: dict[str, Task] = field(default_factory=dict)

    @classmethod
    def of(cls, engine: Engine, results: Path, log: NightLog) -> NightWork:
        """With the results in a folder; the log is told of those that are damaged, which are computed again."""
        return cls(engine, ResultCache(results, lambda key: log.event("result-damaged", result=key)), log)

    def missing(self, wanted: Mapping[str, Task]) -> list[str]:
        """Names of results that have to be computed.

        Args:
            wanted: By the name of each result the task that computes it, and it alone, should it ever have to be
                computed once more.
        """
        self._tasks.update(wanted)
        return [key for key in wanted if key not in self.cache]

    def do(self, phase: str, tasks: Sequence[Task], reused: int = 0) -> None:
        """Run all tasks of a phase; their results are in the cache then.

        Args:
            phase: Its name, for the log.
            tasks: What is missing.
            reused: Results that were there already.
        """
        self.log.phase(phase, len(tasks))
        self.spent.reused += reused
        for _ in self._done(tasks):
            self.log.step()

    def result(self, key: str) -> bytes:
        """A result that a task has computed; one that is damaged or gone meanwhile is computed again.

        Raises:
            ResultMissingError: It is not there.
            EngineError: It was to be computed again, and that cannot be done.
        """
        found = self.cache.read(key)
        if found is None and key in self._tasks:
            for _ in self._done([self._tasks[key]]):
                found = self.cache.read(key)
        if found is None:
            message = f"{self.cache.folder}: no result {key[:12]}…; do the workers share this folder?"
            raise ResultMissingError(message)
        return found

    def _done(self, tasks: Sequence[Task]) -> Iterator[None]:
        """Run tasks; nothing as each is done and counted."""
        # The largest first: the last task to end is then a small one.
        ordered = sorted(tasks, key=lambda task: -len(task_bytes(task)))
        for done in self.engine.map([task_bytes(task) for task in ordered]):
            report = msgspec.json.decode(done.answer, type=TaskReport)
            self.spent.tasks += 1
            self.spent.fits += report.fits
            self.spent.task_s += done.seconds
            self.spent.preparation_s += report.preparation_s
            self.spent.peak_bytes = max(self.spent.peak_bytes, done.peak_bytes)
            yield
