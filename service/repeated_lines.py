"""What keeps a log readable while a store is away: of lines that say the same of many things, only the first ones."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from kinelog.observability.access_log import ACCESS_LOGGER
from typing_extensions import override

LINES = 10
PERIOD_S = 10.0


@dataclass(slots=True)
class _Period:
    """Lines of one kind since `began_s`: how many were let through, how many left out."""

    began_s: float
    shown: int = 0
    left_out: int = 0


class RepeatedLines(logging.Filter):
    """Lets through so many lines of a kind in each period; the next one tells how many were left out.

    A kind is a place in the code: its logger, level and text before values are put in, of which there are few.
    """

    def __init__(
        self, lines: int = LINES, period_s: float = PERIOD_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Count from here on; add it to a handler, whose lock then keeps threads apart."""
        super().__init__()
        self._lines = lines
        self._period_s = period_s
        self._clock = clock
        self._periods: dict[tuple[str, int, str], _Period] = {}

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is let through."""
        if record.name == ACCESS_LOGGER:
            return True  # alike on purpose, and asked for
        kind, now_s = (record.name, record.levelno, str(record.msg)), self._clock()
        period = self._periods.setdefault(kind, _Period(now_s))
        if now_s - period.began_s >= self._period_s:
            if period.left_out:
                # Values are put in first: what is appended may hold no mark of its own.
                text = record.getMessage()
                record.msg, record.args = f"{text} ({period.left_out} lines like this one were left out)", None
            self._periods[kind] = period = _Period(now_s)
        if period.shown >= self._lines:
            period.left_out += 1
            return False
        period.shown += 1
        return True
