"""What the service says it holds of a session's frames."""

from __future__ import annotations

import msgspec


class ReceivedDevice(msgspec.Struct, frozen=True):
    """Frames of one device.

    Attributes:
        high_water: Highest sequence number stored; -1 when there is none.
        stored: How many frames are stored.
        missing: The earliest ranges that never came, both ends included; they may reach beyond the highest number.
        rejected: How many undecodable frames were kept aside.
        quarantined: How many frames were kept aside because other bytes had their number.
    """

    high_water: int
    stored: int
    missing: list[tuple[int, int]] = []
    rejected: int = 0
    quarantined: int = 0

    def absent(self, count: int) -> set[int]:
        """Which of the numbers from 0 to below `count` are not stored."""
        beyond = set(range(self.high_water + 1, count))
        return beyond.union(*(range(first, min(last + 1, count)) for first, last in self.missing))


class ReceivedFrames(msgspec.Struct, frozen=True):
    """Frames of a session by device."""

    devices: dict[str, ReceivedDevice]

    def of(self, device: str) -> ReceivedDevice:
        """What is held of one device; nothing when the service has never heard of it."""
        return self.devices.get(device, ReceivedDevice(high_water=-1, stored=0))
