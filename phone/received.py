"""What the service says it holds of a session's frames."""

from __future__ import annotations

import msgspec


class ReceivedDevice(msgspec.Struct, frozen=True):
    """Frames of one device.

    Attributes:
        high_water: Highest sequence number stored; -1 when there is none.
        missing: Ranges that never came, both ends included; they may reach beyond the highest number.
        rejected: How many frames were refused and kept aside.
    """

    high_water: int
    missing: list[tuple[int, int]] = []
    rejected: int = 0

    @property
    def stored(self) -> int:
        """How many frames are stored."""
        return (
            self.high_water
            + 1
            - sum(min(last, self.high_water) - first + 1 for first, last in self.missing if first <= self.high_water)
        )

    def absent(self, count: int) -> set[int]:
        """Which of the numbers from 0 to below `count` are not stored."""
        beyond = set(range(self.high_water + 1, count))
        return beyond.union(*(range(first, min(last + 1, count)) for first, last in self.missing))


class ReceivedFrames(msgspec.Struct, frozen=True):
    """Frames of a session by device."""

    devices: dict[str, ReceivedDevice]

    def of(self, device: str) -> ReceivedDevice:
        """What is held of one device; nothing when the service has never heard of it."""
        return self.devices.get(device, ReceivedDevice(high_water=-1))
