"""Blobs as rows of the SQLite file. Called within a transaction, so nothing is named between a look and a removal."""

from __future__ import annotations

import hashlib
import sqlite3

from kinelog.registry.sweeping import hashes_in

_UNNAMED = """
SELECT sha256 FROM blobs LEFT JOIN blob_puts USING (sha256)
WHERE coalesce(at_ms, 0) < ?
AND sha256 NOT IN (SELECT blob FROM publications) AND sha256 NOT IN (SELECT blob FROM challengers)
"""


def put(connection: sqlite3.Connection, data: bytes, now_ms: int) -> str:
    """Keep bytes, and when they were put; their hash."""
    sha256 = hashlib.sha256(data).hexdigest()
    # Over a row that was damaged too: who has the right bytes mends it.
    connection.execute(
        "INSERT INTO blobs VALUES (?, ?) ON CONFLICT DO UPDATE SET data = excluded.data"
        " WHERE data IS NOT excluded.data",
        (sha256, data),
    )
    connection.execute("INSERT OR REPLACE INTO blob_puts VALUES (?, ?)", (sha256, now_ms))
    return sha256


def unnamed(connection: sqlite3.Connection, put_before_ms: int) -> list[str]:
    """Hashes of blobs that nothing names and nobody has put since then, in order."""
    named = hashes_in(bytes(data) for (data,) in connection.execute("SELECT data FROM populations"))
    return sorted({str(sha256) for (sha256,) in connection.execute(_UNNAMED, (put_before_ms,))} - named)


def remove(connection: sqlite3.Connection, hashes: list[str]) -> None:
    """Remove blobs."""
    rows = [(sha256,) for sha256 in hashes]
    connection.executemany("DELETE FROM blobs WHERE sha256 = ?", rows)
    connection.executemany("DELETE FROM blob_puts WHERE sha256 = ?", rows)
