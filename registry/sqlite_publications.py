"""Publications as rows of the SQLite file."""

from __future__ import annotations

import sqlite3

from kinelog.registry.records import Published
from kinelog.registry.scope import Scope
from kinelog.registry.signing import Signature

OF_SCOPE = "tenant = ? AND cluster = ? AND sensors = ?"
_PUBLISHED = (
    "SELECT tenant, cluster, sensors, version, number, manifest, key_id, signature, blob, origin, at_ms"
    " FROM publications"
)
_NEWEST = f"{_PUBLISHED} WHERE {OF_SCOPE} ORDER BY version DESC LIMIT 1"
_VERSION = f"{_PUBLISHED} WHERE {OF_SCOPE} AND version = ?"
_BEHIND = f"{_PUBLISHED} WHERE number > ? ORDER BY number LIMIT ?"
_APPEND = "INSERT INTO publications VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

_Row = tuple[str, str, str, int, int, bytes, str, bytes, str, int, int]


def key_of(scope: Scope) -> tuple[str, str, str]:
    """The columns that name a scope."""
    return scope.tenant, scope.cluster, scope.joined


def newest(connection: sqlite3.Connection, scope: Scope) -> Published | None:
    """The newest version of a scope."""
    return _first(connection.execute(_NEWEST, key_of(scope)))


def one(connection: sqlite3.Connection, scope: Scope, version: int) -> Published | None:
    """One version of a scope."""
    return _first(connection.execute(_VERSION, (*key_of(scope), version)))


def behind(connection: sqlite3.Connection, number: int, limit: int) -> list[Published]:
    """Publications of all scopes behind a number, in order."""
    return [_published(row) for row in connection.execute(_BEHIND, (number, limit))]


def scopes(connection: sqlite3.Connection, tenant: str | None) -> list[Scope]:
    """Scopes with a version, in order."""
    rows = connection.execute(
        "SELECT DISTINCT tenant, cluster, sensors FROM publications WHERE tenant = coalesce(?, tenant)", (tenant,)
    )
    return sorted(Scope.parse("/".join(row)) for row in rows)


def versions(connection: sqlite3.Connection, scope: Scope) -> list[int]:
    """All versions of a scope, from the oldest."""
    sql = f"SELECT version FROM publications WHERE {OF_SCOPE} ORDER BY version"  # noqa: S608 - names of ours
    return [int(version) for (version,) in connection.execute(sql, key_of(scope))]


def floor(connection: sqlite3.Connection) -> int:
    """What numbers, versions and tokens of leases begin behind; 0 in a store that was never put back."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'floor'").fetchone()
    return 0 if row is None else int(row[0])


def lift(connection: sqlite3.Connection, by: int) -> None:
    """Lift the floor by so much above everything that was given."""
    (tokens,) = connection.execute("SELECT coalesce(max(token), 0) FROM leases").fetchone()
    raised = max(next_number(connection), int(tokens)) + by
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('floor', ?)", (str(raised),))


def next_number(connection: sqlite3.Connection) -> int:
    """The number of the next publication; only while nobody else can write is it still that later."""
    (number,) = connection.execute("SELECT coalesce(max(number), 0) FROM publications").fetchone()
    return max(int(number), floor(connection)) + 1


def append(connection: sqlite3.Connection, done: Published) -> None:
    """Write a publication down."""
    signature = (done.signature.key_id, done.signature.value)
    row = (
        done.number,
        *key_of(done.scope),
        done.version,
        done.manifest,
        *signature,
        done.blob,
        done.origin,
        done.at_ms,
    )
    connection.execute(_APPEND, row)


def _published(row: _Row) -> Published:
    tenant, cluster, sensors, version, number, manifest, key_id, signature, blob, origin, at_ms = row
    scope = Scope.parse(f"{tenant}/{cluster}/{sensors}")
    return Published(scope, version, number, manifest, Signature(key_id, signature), blob, origin, at_ms)


def _first(rows: sqlite3.Cursor) -> Published | None:
    row = rows.fetchone()
    return None if row is None else _published(row)
