"""The port behind the list of erasures: append-only, and kept apart from all that is ever restored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from kinelog.privacy.key_table import Person


class Erasures(ABC):
    """Who was erased. Thread-safe; several processes may append to one list."""

    heard_within_s: float = 0.0
    """So long after `append` every other process that follows the list has heard of it, or is asked in vain for it."""

    @abstractmethod
    def __contains__(self, person: Person) -> bool:
        """Whether the person was erased, by this process or, at most about a second ago, by another.

        Asked with every row that is shown: it waits for nothing.
        """

    @abstractmethod
    def people(self) -> frozenset[Person]:
        """Everybody in the list."""

    @abstractmethod
    def append(self, person: Person, now_ms: int) -> None:
        """Write an erasure down; durable before it returns. Nothing happens for who is there already.

        Raises:
            ValueError: This is no tenant and pseudonym.
        """

    @abstractmethod
    def refresh(self) -> None:
        """Take in what any process has appended up to now."""

    @abstractmethod
    def watch(self, noticed: Callable[[Person], None]) -> None:
        """Call `noticed` with each person who is in the list, and with each who comes in, from any thread."""

    @abstractmethod
    def close(self) -> None:
        """Let go of it."""
