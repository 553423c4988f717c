"""Which form of events may be written now: the newest that everybody reads, and has read for a while."""

from __future__ import annotations

from kinelog.journal.event_forms import NEWEST, OLDEST


class WritableForm:
    """Lowered at once, raised late: a member of an older version that crashed comes back as what it was.

    Knows no clock: it is told the time, in ms.
    """

    def __init__(self, wait_ms: int, newest: int = NEWEST) -> None:
        """Raise the form, to `newest` at most, when every member was seen to read it for so long."""
        self._wait_ms = wait_ms
        self._newest = newest
        self._form = OLDEST
        self._agreed = OLDEST
        self._since_ms = 0

    def seen(self, everybody_reads: int | None, now_ms: int) -> int:
        """There is a new view, in which everybody reads this form, or in which nobody is known; the form to write."""
        if everybody_reads is None:
            return self.at(now_ms)
        agreed = min(self._newest, everybody_reads)
        self.at(now_ms)
        if agreed != self._agreed:
            self._agreed, self._since_ms = agreed, now_ms
        return self.at(now_ms)

    def at(self, now_ms: int) -> int:
        """The form to write at a time."""
        if self._agreed <= self._form or now_ms - self._since_ms >= self._wait_ms:
            self._form = self._agreed
        return self._form
