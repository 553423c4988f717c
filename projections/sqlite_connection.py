"""The file of the embedded views: how a writer opens it, and the tables that no generation owns."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from kinelog.embedded_files.write_ahead import switch_to_write_ahead

BUSY_MS = 600_000
"""Longer than any write takes: the longest is to write the whole file anew after an erasure."""

REGISTRY = """
CREATE TABLE IF NOT EXISTS view_versions (
    view TEXT NOT NULL, version INTEGER NOT NULL, generation INTEGER NOT NULL, incarnation TEXT NOT NULL,
    state TEXT NOT NULL, tables TEXT NOT NULL, PRIMARY KEY (view, generation)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS offsets (
    view TEXT NOT NULL, generation INTEGER NOT NULL, shard INTEGER NOT NULL, position INTEGER NOT NULL,
    revision INTEGER NOT NULL, PRIMARY KEY (view, generation, shard)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS parked (
    view TEXT NOT NULL, generation INTEGER NOT NULL, shard INTEGER NOT NULL, position INTEGER NOT NULL,
    entity TEXT NOT NULL, owner TEXT NOT NULL, error TEXT,
    PRIMARY KEY (view, generation, shard, position)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS parked_by_owner ON parked (owner);
CREATE TABLE IF NOT EXISTS erased (digest BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS to_scrub (id INTEGER PRIMARY KEY CHECK (id = 1));
"""


def connect(path: Path) -> sqlite3.Connection:
    """Open the file as a writer."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    switch_to_write_ahead(connection, BUSY_MS / 1000)
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("PRAGMA wal_autocheckpoint = 4000")
    connection.execute("PRAGMA cache_size = -32768")
    return connection
