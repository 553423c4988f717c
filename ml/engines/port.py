"""The port: tasks in, answers as they come, whatever runs them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self


class EngineError(Exception):
    """Something about running tasks went wrong."""


class TaskFailedError(EngineError):
    """A task said that it cannot be done. Running it again would say the same.

    Attributes:
        index: Of the task among those that were given.
        reason: What it said: type of the error and its message.
    """

    def __init__(self, index: int, reason: str) -> None:
        """Remember which task."""
        super().__init__(f"task {index}: {reason}")
        self.index = index
        self.reason = reason


class TaskLostError(EngineError):
    """Every process that took this task died: most likely it needs more memory than there is."""

    def __init__(self, index: int, deaths: int, last_words: str) -> None:
        """Remember which task."""
        super().__init__(f"task {index}: {deaths} processes died of it; the last said: {last_words or 'nothing'}")
        self.index = index


class EngineUnavailableError(EngineError):
    """Nothing runs tasks: no scheduler at that address, or no process can be started."""


@dataclass(frozen=True, slots=True)
class Finished:
    """An answer.

    Attributes:
        index: Of its task among those that were given.
        answer: What the task returned.
        seconds: That it took, by the clock of whoever ran it.
        peak_bytes: Most memory that its process has had resident so far.
    """

    index: int
    answer: bytes
    seconds: float
    peak_bytes: int


class Engine(ABC):
    """Runs tasks, several at a time. A task may run twice (its worker died): it must be idempotent."""

    name: str

    @abstractmethod
    def map(self, tasks: Sequence[bytes]) -> Generator[Finished]:
        """Run all tasks; answers come as they are finished, in any order. Closing the iterator gives up the rest.

        Raises:
            TaskFailedError: A task raised an error; the rest is given up.
            TaskLostError: A task's process died several times.
            EngineUnavailableError: There is nothing (left) to run tasks on.
        """

    @abstractmethod
    def close(self) -> None:
        """End the processes that belong to this engine."""

    def __enter__(self) -> Self:
        """Already open."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()
