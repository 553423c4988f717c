"""How far behind the log the views are, in seconds, seen from outside: from the heads and lags that /metrics shows.

A shard whose views stand at position p is as late as p + 1 is old. When that event was written is known to the distance
between two scrapes, which is therefore the resolution; lag is never understated, since the age is taken from the last
scrape that had not yet seen the event.
"""

from __future__ import annotations

import re
import threading
import time
import urllib.request
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Self

SCRAPE_EVERY_S = 0.2
_LINE = re.compile(r'^kinelog_(journal_head|projection_lag_events)\{shard="(\d+)"\} (\S+)$', re.MULTILINE)


@dataclass(slots=True)
class ShardHistory:
    """When the head of a shard's log was seen where.

    Attributes:
        heads: Positions, ascending.
        times: When each was first seen, Unix seconds.
        lags_s: Lag at each scrape.
    """

    heads: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    lags_s: list[float] = field(default_factory=list)

    def saw(self, head: int, behind: int, now: float) -> None:
        """Note one scrape."""
        if not self.heads or head > self.heads[-1]:
            self.heads.append(head)
            self.times.append(now)
        if behind <= 0:
            self.lags_s.append(0.0)
            return
        before = bisect_right(self.heads, head - behind) - 1
        self.lags_s.append(now - self.times[max(0, before)])


class ViewLag:
    """Scrapes `/metrics` in a thread while it is entered."""

    def __init__(self, url: str) -> None:
        """Nothing is asked yet."""
        self.shards: dict[str, ShardHistory] = {}
        self._url = url + "/metrics"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def settle(self, timeout_s: float = 60.0) -> bool:
        """Wait until the views have caught up; whether they did."""
        end = time.monotonic() + timeout_s
        poll = threading.Event()
        while time.monotonic() < end:
            if not any(behind for _, behind in self._scrape().values()):
                return True
            poll.wait(SCRAPE_EVERY_S)
        return False

    def percentile_s(self, share: float) -> float:
        """The lag that this share of all scrapes of all shards did not exceed."""
        lags = sorted(lag for shard in self.shards.values() for lag in shard.lags_s)
        return lags[min(len(lags) - 1, int(share * len(lags)))] if lags else 0.0

    def __enter__(self) -> Self:
        """Begin to watch."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop watching."""
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(SCRAPE_EVERY_S):
            now = time.monotonic()
            for shard, (head, behind) in self._scrape().items():
                self.shards.setdefault(shard, ShardHistory()).saw(head, behind, now)

    def _scrape(self) -> dict[str, tuple[int, int]]:
        with urllib.request.urlopen(self._url, timeout=10) as answer:  # noqa: S310 - our own process on this machine
            text = answer.read().decode()
        found: dict[str, dict[str, int]] = {}
        for name, shard, value in _LINE.findall(text):
            found.setdefault(shard, {})[name] = int(float(value))
        return {
            shard: (values["journal_head"], values["projection_lag_events"])
            for shard, values in found.items()
            if len(values) == 2
        }
