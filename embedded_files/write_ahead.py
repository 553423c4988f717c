"""Switching a file to a write-ahead log, where several processes may be about to."""

from __future__ import annotations

import sqlite3
import time

_PAUSE_S = 0.01


def switch_to_write_ahead(connection: sqlite3.Connection, within_s: float) -> None:
    """Keep the file's changes in a write-ahead log from now on; nothing, where it does already.

    The switch needs the file for itself, and SQLite does not wait for that however long it may wait elsewhere: of two
    processes that open a new file at the same moment, one would be told that it is locked.

    Raises:
        sqlite3.OperationalError: The file was not free in that time, or cannot be written.
        sqlite3.DatabaseError: It is none, or damaged.
    """
    deadline = time.monotonic() + within_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_S)
        except UnicodeDecodeError as error:
            # What SQLite complains of holds bytes of the file, which Python then cannot make a message of.
            damaged = sqlite3.DatabaseError("malformed, and not even its table of contents is text")
            damaged.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise damaged from error
        else:
            return
