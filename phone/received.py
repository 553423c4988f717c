"""What the service says it holds of a session's frames."""

from __future__ import annotations

import msgspec


class ReceivedDevice(msgspec.Struct, frozen=True):
    """Frames of one device.

    Attributes:
        high_water: Highest sequence number stored; -1 when there is none.
        missing: Ranges below it that never came, both ends included.
        rejected: How many frames were refused and kept aside.
    """

    high_water: int
    missing: list[tuple[int, int]] = []
    rejected: int = 0

    @property
    def stored(self) -> int:
        """How many frames are stored."""
        return self.high_water + 1 - sum(last - first + 1 for first, last in self.missing)

    def holds(self, sequence: int) -> bool:
        """Whether this frame is stored."""
        return sequence <= self.high_water and not any(first <= sequence <= last for first, last in self.missing)


class ReceivedFrames(msgspec.Struct, frozen=True):
    """Frames of a session by device."""

    devices: dict[str, ReceivedDevice]

    def of(self, device: str) -> ReceivedDevice:
        """What is held of one device; nothing when the service has never heard of it."""
        return self.devices.get(device, ReceivedDevice(high_water=-1))
