"""Which traces are kept, told from the id alone: whoever meets an id later comes to the same answer, without a record.

A trace is kept if the last 8 bytes of its id, as a number, lie below `ratio · 2^64`: what OpenTelemetry calls "trace id
ratio", so other programs that trace at our ratio agree. The id of a commit is made by us. If somebody whose request is
traced waits for it, it is drawn from the ids that are kept, and so whoever reads the commit from the log goes on with
its trace, in another process, with no more than the id.
"""

from __future__ import annotations

ID_BYTES = 16
TAIL_BYTES = 8
LOWEST_RATIO = 1e-6
"""An id drawn from those that are kept has `log2(1 / ratio)` random bits less; of 128, twenty are not missed."""


class Sampling:
    """Keeps a share of all traces."""

    def __init__(self, ratio: float) -> None:
        """Keep this share.

        Raises:
            ValueError: It is not between `LOWEST_RATIO` and 1.
        """
        if not LOWEST_RATIO <= ratio <= 1:
            raise ValueError(f"a share of {LOWEST_RATIO} to 1 of all traces can be kept, not {ratio}")
        self.ratio = ratio
        self._bound = round(ratio * (1 << 8 * TAIL_BYTES))

    def keeps(self, trace_id: bytes) -> bool:
        """Whether the trace of this id (16 bytes) is kept."""
        return int.from_bytes(trace_id[-TAIL_BYTES:]) < self._bound

    def kept(self, random: bytes) -> bytes:
        """An id that is kept, of 16 random bytes: the same ones where they are kept already."""
        tail = int.from_bytes(random[-TAIL_BYTES:])
        return random if tail < self._bound else random[:-TAIL_BYTES] + (tail % self._bound).to_bytes(TAIL_BYTES)
