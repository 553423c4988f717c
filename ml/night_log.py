"""What a night tells while it works: where it shows depends on who started it."""

from __future__ import annotations

from abc import ABC, abstractmethod

from typing_extensions import override

Field = str | int | float | bool | None


class NightLog(ABC):
    """Told of phases, of steps in them, and of what happened."""

    @abstractmethod
    def phase(self, name: str, steps: int) -> None:
        """A phase begins where the last one ends: `data`, `select`, `refit`, `baselines`, `confirm`, `publish`."""

    @abstractmethod
    def step(self) -> None:
        """One of the phase's steps is done."""

    @abstractmethod
    def event(self, name: str, **fields: Field) -> None:
        """Something happened that is worth a line."""


class SilentLog(NightLog):
    """Tells nobody."""

    @override
    def phase(self, name: str, steps: int) -> None:
        """Nothing."""

    @override
    def step(self) -> None:
        """Nothing."""

    @override
    def event(self, name: str, **fields: Field) -> None:
        """Nothing."""
