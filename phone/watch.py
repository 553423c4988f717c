"""A watch: cuts a signal into packed frames, each with the watch's clock on it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from kinelog.codecs.encoding import encode, make_block
from kinelog.codecs.values import Format, SensorKind
from kinelog.phone.person import NOMINAL_RATE_HZ, Style
from numpy.typing import NDArray

SAMPLES_IN_A_FRAME = 50
_WRIST_OF_SIDE = {"l": "left-wrist", "r": "right-wrist"}


@dataclass(frozen=True, slots=True)
class WatchFrame:
    """A frame as it leaves the watch.

    Attributes:
        sequence: The phone's number for it, from 0.
        data: The packed bytes.
        start_ms: Unix milliseconds of its first sample by the watch's clock.
        due_ms: When its last sample was taken: it cannot be sent earlier.
    """

    sequence: int
    data: bytes
    start_ms: int
    due_ms: int


@dataclass(slots=True)
class Watch:
    """Packs samples as they come; what does not fill a frame waits for the next samples.

    Attributes:
        style: Says the true rate and the side.
        layout: The layout of the frames.
        started_ms: When the first sample is taken.
    """

    style: Style
    layout: Format
    started_ms: int
    _next: int = 0
    _waiting: NDArray[np.int16] = field(default_factory=lambda: np.zeros((0, 3), np.int16))

    @property
    def now_ms(self) -> int:
        """The watch's clock: after the last sample that it was given."""
        return self._time_ms(self._next * SAMPLES_IN_A_FRAME + len(self._waiting))

    @property
    def frames_made(self) -> int:
        """How many frames there are so far."""
        return self._next

    def take(self, samples: NDArray[np.int16]) -> list[WatchFrame]:
        """Pack `(n, 3)` milli-g samples; as many frames as became full."""
        held = np.concatenate([self._waiting, samples])
        full = len(held) // SAMPLES_IN_A_FRAME
        self._waiting = held[full * SAMPLES_IN_A_FRAME :]
        return [self._frame(held[at * SAMPLES_IN_A_FRAME : (at + 1) * SAMPLES_IN_A_FRAME]) for at in range(full)]

    def flush(self) -> list[WatchFrame]:
        """Pack what waits in a shorter frame, when the session ends."""
        held, self._waiting = self._waiting, self._waiting[:0]
        return [self._frame(held)] if len(held) else []

    def _frame(self, samples: NDArray[np.int16]) -> WatchFrame:
        first = self._next * SAMPLES_IN_A_FRAME
        start_ms, due_ms = self._time_ms(first), self._time_ms(first + len(samples))
        sequence, self._next = self._next, self._next + 1
        return WatchFrame(sequence, self._packed(samples, sequence, start_ms, due_ms), start_ms, due_ms)

    def _time_ms(self, sample: int) -> int:
        return self.started_ms + round(sample * 1000 / self.style.true_rate_hz)

    def _packed(self, samples: NDArray[np.int16], sequence: int, start_ms: int, due_ms: int) -> bytes:
        if self.layout is Format.AE:
            start_ms = start_ms // 1000 * 1000  # this watch stamps whole seconds
        block = make_block(
            SensorKind.ACCELEROMETER,
            samples,
            NOMINAL_RATE_HZ,
            _WRIST_OF_SIDE[self.style.side] if self.layout is Format.AE else None,
            sequence=sequence & 0xFF,
            start_ms=start_ms,
            duration_ms=due_ms - start_ms,
        )
        return encode(self.layout, [block])
