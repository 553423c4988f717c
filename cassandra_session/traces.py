"""Reading what a trace says of a query: rows and tombstones met, and whether more than a partition was looked at."""

from __future__ import annotations

import re
from collections.abc import Iterable

_READ = re.compile(r"Read (\d+) live rows(?:,)? and (\d+) tombstone")
_SCANS = ("range requests", "Executing seq scan", "Computing ranges")


def rows_and_tombstones(events: Iterable[str]) -> tuple[int, int, bool]:
    """Live rows and tombstones of the replica that read most, and whether the query scanned ranges of partitions.

    Replicas read the same rows, so their counts are not added up.
    """
    live = tombstones = 0
    scan = False
    for event in events:
        if found := _READ.search(event):
            live = max(live, int(found[1]))
            tombstones = max(tombstones, int(found[2]))
        scan = scan or any(text in event for text in _SCANS)
    return live, tombstones, scan
