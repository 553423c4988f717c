"""Stopping a process in its tracks without stopping everybody who shares its data folder.

SQLite's write lock belongs to a process: one that is stopped in the middle of a transaction keeps it, and nobody else
can write until it wakes. What a test wants to see of the others needs a moment between two writes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

LOCKED_FOR_S = 0.2
"""Longer than a transaction of the others, much shorter than a session with a coordinator."""
ATTEMPTS = 100


def pause_between_writes(pause: Callable[[], None], resume: Callable[[], None], data: Path) -> None:
    """Pause somebody, again and again, until no file of this folder is locked.

    Raises:
        AssertionError: It always held a lock.
    """
    for _ in range(ATTEMPTS):
        pause()
        if all(map(_writable, _databases(data))):
            return
        resume()
    raise AssertionError(f"stopped {ATTEMPTS} times, it held a lock each time")


def _databases(data: Path) -> list[Path]:
    return [file for pattern in ("*.db", "*.sqlite") for file in data.rglob(pattern)]


def _writable(file: Path) -> bool:
    connection = sqlite3.connect(file, timeout=LOCKED_FOR_S, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError:
        return False
    finally:
        connection.close()
    return True
