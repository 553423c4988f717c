"""The radio between watch and phone: frames are lost, repeated, overtaken and damaged, as often as one asks for.

Each decision is drawn from a seed, so a simulation that found something can be run again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from kinelog.phone.watch import WatchFrame


@dataclass(frozen=True, slots=True)
class Faults:
    """Probabilities, each for one frame.

    Attributes:
        retransmit: The watch sends it twice.
        gap: It never reaches the phone.
        reorder: It is overtaken by the next few frames.
        corrupt: A damaged copy is sent too: half of them before the clean one and cut short, the others after it with
            some samples changed.
    """

    retransmit: float = 0.0
    gap: float = 0.0
    reorder: float = 0.0
    corrupt: float = 0.0


@dataclass(frozen=True, slots=True)
class Sending:
    """One frame on its way to the service.

    Attributes:
        clean: Whether the bytes are what the watch packed; the service must refuse the others.
    """

    sequence: int
    data: bytes
    start_ms: int
    clean: bool = True


@dataclass(slots=True)
class FaultyLink:
    """Passes frames on, faults included.

    Attributes:
        lost: Sequence numbers of the frames that never arrive.
    """

    faults: Faults
    rng: np.random.Generator
    lost: list[int] = field(default_factory=list)
    _overtaken: list[tuple[int, list[Sending]]] = field(default_factory=list)

    def pass_on(self, frame: WatchFrame) -> list[Sending]:
        """What reaches the phone when the watch sends a frame: earlier ones that were overtaken included."""
        again, lost, late, damaged, kind = self.rng.random(5)
        arrived = list(self._arriving())
        if lost < self.faults.gap:
            self.lost.append(frame.sequence)
            return arrived
        clean = Sending(frame.sequence, frame.data, frame.start_ms)
        group = [clean]
        if again < self.faults.retransmit:
            group.append(clean)
        if damaged < self.faults.corrupt:
            group = [self._cut(frame), *group] if kind < 0.5 else [*group, self._altered(frame)]
        if late < self.faults.reorder:
            self._overtaken.append((int(self.rng.integers(1, 6)), group))
            return arrived
        return group + arrived

    def rest(self) -> list[Sending]:
        """What is still on its way when the watch stops."""
        return [sending for _, group in self._drained() for sending in group]

    def _drained(self) -> list[tuple[int, list[Sending]]]:
        held, self._overtaken = self._overtaken, []
        return held

    def _arriving(self) -> Iterator[Sending]:
        for left, group in self._drained():
            if left <= 1:
                yield from group
            else:
                self._overtaken.append((left - 1, group))

    def _cut(self, frame: WatchFrame) -> Sending:
        keep = int(self.rng.integers(1, len(frame.data)))
        return Sending(frame.sequence, frame.data[:keep], frame.start_ms, clean=False)

    def _altered(self, frame: WatchFrame) -> Sending:
        data = bytearray(frame.data)
        data[-2] ^= 1 + int(self.rng.integers(0, 0x7F))
        return Sending(frame.sequence, bytes(data), frame.start_ms, clean=False)
