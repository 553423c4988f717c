"""Leases as rows of the ledger, beside what they guard."""

from __future__ import annotations

import secrets
from typing import NamedTuple

from kinelog.cassandra_session.connection import Access, Connection, Statement, Value
from kinelog.registry.cassandra.answers import attempts, tried
from kinelog.registry.errors import LeaseHeldError, StaleLeaseError
from kinelog.registry.records import Lease

_WHERE = "WHERE registry = 'models' AND kind = 'lease' AND name = ? AND version = 0"
_READ = Statement(
    f"SELECT holder, fence, until_ms, held, taken FROM {{models}}.ledger {_WHERE}",  # noqa: S608 - names of ours
    Access.LINEARIZABLE_READ,
)
_TAKE = Statement(
    "UPDATE {models}.ledger SET holder = ?, fence = ?, until_ms = ?, held = true, taken = ?"  # noqa: S608 - as above
    f" {_WHERE} IF fence = ? AND held = ? AND until_ms = ?",
    Access.CONDITIONAL,
)
_RENEW = Statement(
    f"UPDATE {{models}}.ledger SET until_ms = ? {_WHERE} IF fence = ? AND held = true",  # noqa: S608 - as above
    Access.CONDITIONAL,
)
_RELEASE = Statement(
    f"UPDATE {{models}}.ledger SET held = false {_WHERE} IF fence = ? AND held = true",  # noqa: S608 - as above
    Access.CONDITIONAL,
)


class _Row(NamedTuple):
    holder: str
    token: int
    until_ms: int
    held: bool
    taken: str


class Leases:
    """Leases by name."""

    def __init__(self, connection: Connection) -> None:
        """Use a connection, which stays its owner's."""
        self._connection = connection
        self._where = f"keyspace {connection.keyspaces.models}"

    def acquire(self, name: str, holder: str, now_ms: int, ttl_ms: int, floor: int, *, take_over: bool) -> Lease:
        """Take the lease with the next token.

        Raises:
            LeaseHeldError: Somebody holds it.
        """
        # Tells our own write from a rival's with the same words: what became of an unsure one is read back.
        taken = secrets.token_hex(16)
        for _ in attempts(self._where, f"who holds the lease {name!r}"):
            row = self._read(name)
            if row is not None and row.taken == taken:
                return Lease(name, holder, row.token, row.until_ms)
            if row is not None and row.held and now_ms < row.until_ms and not take_over:
                raise LeaseHeldError(name, row.holder, row.until_ms)
            token, until_ms = max(0 if row is None else row.token, floor) + 1, now_ms + ttl_ms
            found: tuple[Value, ...] = (None, None, None) if row is None else (row.token, row.held, row.until_ms)
            answer = tried(self._connection, _TAKE, (holder, token, until_ms, taken, name, *found))
            if answer is not None and answer.applied:
                return Lease(name, holder, token, until_ms)
        raise AssertionError  # `attempts` ends in an error of its own

    def renew(self, lease: Lease, until_ms: int) -> Lease:
        """Keep it until then.

        Raises:
            StaleLeaseError: It is not the newest, or was given up.
        """
        for _ in attempts(self._where, f"whether the lease {lease.name!r} is renewed"):
            answer = tried(self._connection, _RENEW, (until_ms, lease.name, lease.token))
            if answer is not None and answer.applied:
                return lease._replace(until_ms=until_ms)
            if answer is not None:
                self.require(lease)
        raise AssertionError  # as above

    def release(self, lease: Lease) -> None:
        """Give it up, if it still is the newest."""
        for _ in attempts(self._where, f"whether the lease {lease.name!r} is released"):
            if tried(self._connection, _RELEASE, (lease.name, lease.token)) is not None:
                return

    def find(self, name: str) -> Lease | None:
        """Who holds it."""
        row = self._read(name)
        return None if row is None or not row.held else Lease(name, row.holder, row.token, row.until_ms)

    def require(self, lease: Lease | None) -> None:
        """Refuse a lease that is not the newest of its name, or was given up; none at all asks for nothing.

        Raises:
            StaleLeaseError: It is not.
        """
        if lease is None:
            return
        row = self._read(lease.name)
        if row is None or row.token != lease.token:
            went_on = "nobody" if row is None else row.holder
            raise StaleLeaseError(f"the lease {lease.name!r} (token {lease.token}) went on to {went_on}")
        if not row.held:
            raise StaleLeaseError(f"the lease {lease.name!r} (token {lease.token}) was released")

    def _read(self, name: str) -> _Row | None:
        rows = self._connection.ask(_READ, (name,))
        if not rows:
            return None
        holder, token, until_ms, held, taken = rows[0]
        return _Row(str(holder), int(token or 0), int(until_ms or 0), bool(held), str(taken))
