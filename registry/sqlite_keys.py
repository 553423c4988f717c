"""Trusted public keys in the SQLite file."""

from __future__ import annotations

import sqlite3

from kinelog.registry.errors import RetiredKeyError
from kinelog.registry.signing import PublicKey, Signature


def add(connection: sqlite3.Connection, key: PublicKey) -> None:
    """Trust a key; an endorsement that comes later is kept too.

    Raises:
        RetiredKeyError: It was retired.
    """
    row = connection.execute("SELECT retired FROM keys WHERE key_id = ?", (key.key_id,)).fetchone()
    if row is not None and row[0]:
        raise RetiredKeyError(f"key {key.key_id} was retired: make a new one with `kinelog model key rotate`")
    endorsed = (None, None) if key.endorsement is None else (key.endorsement.key_id, key.endorsement.value)
    connection.execute(
        "INSERT INTO keys (key_id, public, endorser, endorsement) VALUES (?, ?, ?, ?) ON CONFLICT (key_id)"
        " DO UPDATE SET endorser = excluded.endorser, endorsement = excluded.endorsement WHERE endorsement IS NULL",
        (key.key_id, key.public, *endorsed),
    )


def retire(connection: sqlite3.Connection, key_id: str) -> None:
    """Trust it no more."""
    connection.execute("UPDATE keys SET retired = 1 WHERE key_id = ?", (key_id,))


def listed(connection: sqlite3.Connection, *, retired: bool) -> list[PublicKey]:
    """Keys that were retired, or those that were not, in the order in which they were added."""
    rows = connection.execute(
        "SELECT public, endorser, endorsement FROM keys WHERE retired = ? ORDER BY place", (int(retired),)
    )
    return [PublicKey(row[0], None if row[1] is None else Signature(row[1], row[2])) for row in rows]
