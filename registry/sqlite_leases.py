"""Leases in the SQLite file. Called within a write transaction, so nothing changes between a look and a write."""

from __future__ import annotations

import sqlite3

from kinelog.registry.errors import LeaseHeldError, StaleLeaseError
from kinelog.registry.records import Lease


def acquire(
    connection: sqlite3.Connection, name: str, holder: str, now_ms: int, ttl_ms: int, floor: int, *, take_over: bool
) -> Lease:
    """Take the lease with the next token.

    Raises:
        LeaseHeldError: Somebody holds it.
    """
    row = connection.execute("SELECT holder, token, until_ms, held FROM leases WHERE name = ?", (name,)).fetchone()
    if row is not None and row[3] and now_ms < row[2] and not take_over:
        raise LeaseHeldError(name, row[0], row[2])
    # A lease that was given up keeps its row: tokens must grow for ever.
    lease = Lease(name, holder, max(0 if row is None else row[1], floor) + 1, now_ms + ttl_ms)
    connection.execute("INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?, 1)", lease)
    return lease


def renew(connection: sqlite3.Connection, lease: Lease, until_ms: int) -> Lease:
    """Keep it until then.

    Raises:
        StaleLeaseError: It is not the newest, or was given up.
    """
    require(connection, lease)
    connection.execute("UPDATE leases SET until_ms = ? WHERE name = ?", (until_ms, lease.name))
    return lease._replace(until_ms=until_ms)


def release(connection: sqlite3.Connection, lease: Lease) -> None:
    """Give it up, if it still is the newest."""
    connection.execute("UPDATE leases SET held = 0 WHERE name = ? AND token = ?", (lease.name, lease.token))


def find(connection: sqlite3.Connection, name: str) -> Lease | None:
    """Who holds it."""
    row = connection.execute(
        "SELECT name, holder, token, until_ms FROM leases WHERE name = ? AND held = 1", (name,)
    ).fetchone()
    return None if row is None else Lease(*row)


def require(connection: sqlite3.Connection, lease: Lease | None) -> None:
    """Refuse a lease that is not the newest of its name, or was given up; none at all asks for nothing.

    Raises:
        StaleLeaseError: It is not.
    """
    if lease is None:
        return
    row = connection.execute("SELECT token, held, holder FROM leases WHERE name = ?", (lease.name,)).fetchone()
    if row is None or row[0] != lease.token:
        raise StaleLeaseError(
            f"the lease {lease.name!r} (token {lease.token}) went on to {row[2] if row else 'nobody'}"
        )
    if not row[1]:
        raise StaleLeaseError(f"the lease {lease.name!r} (token {lease.token}) was released")
