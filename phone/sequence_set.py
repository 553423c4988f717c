"""A set of frame numbers that begin at 0 and have few holes: a byte each, where a Python set takes ninety."""

from __future__ import annotations

from collections.abc import Iterator


class SequenceSet:
    """Numbers from 0."""

    def __init__(self) -> None:
        """Begin empty."""
        self._present = bytearray()
        self._count = 0

    def add(self, number: int) -> bool:
        """Add a number; whether it is new."""
        if number in self:
            return False
        if number >= len(self._present):
            self._present.extend(bytes(number + 1 - len(self._present)))
        self._present[number] = 1
        self._count += 1
        return True

    def __contains__(self, number: int) -> bool:
        """Whether the number is in it."""
        return number < len(self._present) and self._present[number] == 1

    def __len__(self) -> int:
        """How many numbers there are."""
        return self._count

    def __iter__(self) -> Iterator[int]:
        """The numbers, ascending."""
        return (number for number, present in enumerate(self._present) if present)
