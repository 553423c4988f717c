"""What a sync of this disk takes: figures of durable writes mean nothing without it."""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path

SYNCS = 200


def sync_milliseconds(folder: Path) -> float:
    """Median time of appending 4 KiB to a file in `folder` and syncing it, in milliseconds."""
    path = folder / "sync-probe"
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    taken = []
    try:
        for _ in range(SYNCS):
            os.write(descriptor, bytes(4096))
            began = time.perf_counter()
            os.fdatasync(descriptor)
            taken.append(time.perf_counter() - began)
    finally:
        os.close(descriptor)
        path.unlink()
    return 1_000 * statistics.median(taken)
