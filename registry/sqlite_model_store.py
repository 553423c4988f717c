"""The model store in one SQLite file, which the service reads while the fit writes."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kinelog.embedded_files.transactions import transaction
from kinelog.registry import sqlite_blobs, sqlite_keys, sqlite_leases, sqlite_publications
from kinelog.registry.clocks import wall_clock_ms
from kinelog.registry.errors import DamagedBlobError, UnknownBlobError, VersionConflictError
from kinelog.registry.records import Challenger, ConfirmationUse, Lease, Published, RunEntry
from kinelog.registry.scope import Scope
from kinelog.registry.signing import PublicKey, Signature
from kinelog.registry.sqlite_file import answering, open_or_create
from kinelog.registry.sqlite_publications import OF_SCOPE, key_of
from kinelog.registry.store import LIFTED, PAGE, ModelStore
from kinelog.registry.write_checks import (
    POPULATION_BYTES,
    RUN_BYTES,
    next_version,
    require_consistent,
    require_next,
    require_run_id,
    require_size,
)
from typing_extensions import override


class SqliteModelStore(ModelStore):
    """One file, over one connection: whoever asks waits for whoever is at it, which is never long."""

    def __init__(self, path: Path, *, clock_ms: Callable[[], int] = wall_clock_ms) -> None:
        """Open the file, or make it.

        Args:
            path: The file; its folder is made too.
            clock_ms: Unix milliseconds.

        Raises:
            RegistryUnavailableError: The file does not answer.
            IncompatibleRegistryError: It is no model store, or one of another layout.
        """
        self.where = str(path)
        self._path = path
        self._clock_ms = clock_ms
        self._lock = threading.Lock()
        self._connection = open_or_create(path)

    # ── blobs ────────────────────────────────────────────────────────────────────────────────────────────────────

    @override
    def put_blob(self, data: bytes) -> str:
        require_size("a blob", data)
        with self._writing() as connection:
            return sqlite_blobs.put(connection, data, self._clock_ms())

    @override
    def blob(self, sha256: str) -> bytes:
        with self._reading() as connection:
            row = connection.execute("SELECT data FROM blobs WHERE sha256 = ?", (sha256,)).fetchone()
        if row is None:
            raise UnknownBlobError(f"{self.where}: there is no blob sha256:{sha256}")
        data = bytes(row[0])
        if hashlib.sha256(data).hexdigest() != sha256:
            raise DamagedBlobError(f"{self.where}: what is kept as sha256:{sha256} has another hash")
        return data

    @override
    def blobs(self) -> list[str]:
        with self._reading() as connection:
            return [str(sha256) for (sha256,) in connection.execute("SELECT sha256 FROM blobs")]

    @override
    def unnamed_blobs(self, put_before_ms: int) -> list[str]:
        with self._reading() as connection:
            return sqlite_blobs.unnamed(connection, put_before_ms)

    @override
    def remove_unnamed_blobs(self, put_before_ms: int, *, lease: Lease | None = None) -> list[str]:
        with self._writing(lease) as connection:
            removed = sqlite_blobs.unnamed(connection, put_before_ms)
            sqlite_blobs.remove(connection, removed)
        return removed

    @override
    def serves(self, tenant: str, sha256: str) -> bool:
        with self._reading() as connection:
            row = connection.execute("SELECT 1 FROM publications WHERE tenant = ? AND blob = ?", (tenant, sha256))
            return row.fetchone() is not None

    # ── publications ─────────────────────────────────────────────────────────────────────────────────────────────

    @override
    def publish(
        self,
        scope: Scope,
        manifest: bytes,
        signature: Signature,
        blob: str,
        *,
        expected: int | None,
        lease: Lease | None = None,
    ) -> Published:
        claimed = require_consistent(scope, manifest, blob, expected)
        with self._writing() as connection:
            there = sqlite_publications.one(connection, scope, claimed.version)
            # Before the lease is looked at: what happened has happened, whoever holds the lease by now.
            if there is not None and there.manifest == manifest:
                return there
            sqlite_leases.require(connection, lease)
            newest = sqlite_publications.newest(connection, scope)
            found = None if newest is None else newest.version
            if found != (expected or None):
                raise VersionConflictError(scope.path, expected, found)
            require_next(claimed, found, sqlite_publications.floor(connection))
            self._require_blob(connection, blob)
            number = sqlite_publications.next_number(connection)
            done = Published(
                scope, claimed.version, number, manifest, signature, blob, claimed.origin, self._clock_ms()
            )
            sqlite_publications.append(connection, done)
        return done

    @override
    def champion(self, scope: Scope) -> Published | None:
        with self._reading() as connection:
            return sqlite_publications.newest(connection, scope)

    @override
    def version(self, scope: Scope, version: int) -> Published | None:
        with self._reading() as connection:
            return sqlite_publications.one(connection, scope, version)

    @override
    def versions(self, scope: Scope) -> list[int]:
        with self._reading() as connection:
            return sqlite_publications.versions(connection, scope)

    @override
    def next_version(self, scope: Scope) -> int:
        with self._reading() as connection:
            newest = sqlite_publications.newest(connection, scope)
            return next_version(None if newest is None else newest.version, sqlite_publications.floor(connection))

    @override
    def scopes(self, tenant: str | None = None) -> list[Scope]:
        with self._reading() as connection:
            return sqlite_publications.scopes(connection, tenant)

    @override
    def publications(self, after: int = 0, limit: int = PAGE) -> list[Published]:
        with self._reading() as connection:
            return sqlite_publications.behind(connection, after, limit)

    # ── the challenger, populations, runs ────────────────────────────────────────────────────────────────────────

    @override
    def set_challenger(self, scope: Scope, draft: bytes, blob: str, *, lease: Lease | None = None) -> Challenger:
        require_size("a draft", draft, POPULATION_BYTES)
        kept = Challenger(scope, draft, blob, self._clock_ms())
        with self._writing(lease) as connection:
            self._require_blob(connection, blob)
            row = (*key_of(scope), draft, blob, kept.at_ms)
            connection.execute("INSERT OR REPLACE INTO challengers VALUES (?, ?, ?, ?, ?, ?)", row)
        return kept

    @override
    def challenger(self, scope: Scope) -> Challenger | None:
        with self._reading() as connection:
            row = connection.execute(
                f"SELECT draft, blob, at_ms FROM challengers WHERE {OF_SCOPE}",  # noqa: S608 - names of ours
                key_of(scope),
            ).fetchone()
        return None if row is None else Challenger(scope, *row)

    @override
    def save_population(self, scope: Scope, data: bytes, *, lease: Lease | None = None) -> None:
        require_size("a population", data, POPULATION_BYTES)
        with self._writing(lease) as connection:
            connection.execute("INSERT OR REPLACE INTO populations VALUES (?, ?, ?, ?)", (*key_of(scope), data))

    @override
    def population(self, scope: Scope) -> bytes | None:
        with self._reading() as connection:
            row = connection.execute(
                f"SELECT data FROM populations WHERE {OF_SCOPE}",  # noqa: S608 - names of ours
                key_of(scope),
            ).fetchone()
        return None if row is None else bytes(row[0])

    @override
    def populations(self) -> list[Scope]:
        with self._reading() as connection:
            rows = connection.execute("SELECT tenant, cluster, sensors FROM populations").fetchall()
        return sorted(Scope.parse("/".join(row)) for row in rows)

    @override
    def save_run(self, run_id: str, record: bytes, *, lease: Lease | None = None) -> None:
        require_run_id(run_id)
        require_size("the record of a run", record, RUN_BYTES)
        with self._writing(lease) as connection:
            connection.execute(
                "INSERT INTO runs (run_id, at_ms, record) VALUES (?, ?, ?)"
                " ON CONFLICT (run_id) DO UPDATE SET record = excluded.record",
                (run_id, self._clock_ms(), record),
            )

    @override
    def run(self, run_id: str) -> bytes | None:
        with self._reading() as connection:
            row = connection.execute("SELECT record FROM runs WHERE run_id = ?", (run_id,)).fetchone()
        return None if row is None else bytes(row[0])

    @override
    def runs(self, limit: int = PAGE) -> list[RunEntry]:
        with self._reading() as connection:
            rows = connection.execute("SELECT run_id, at_ms FROM runs ORDER BY place DESC LIMIT ?", (limit,))
            return [RunEntry(*row) for row in rows]

    @override
    def use_confirmation(self, scope: Scope, set_hash: str, use: str) -> int:
        with self._writing() as connection:
            row = (*key_of(scope), set_hash, use)
            connection.execute("INSERT OR IGNORE INTO confirmations VALUES (?, ?, ?, ?, ?)", row)
            return _uses(connection, scope, set_hash)

    @override
    def confirmation_uses(self, scope: Scope, set_hash: str) -> int:
        with self._reading() as connection:
            return _uses(connection, scope, set_hash)

    @override
    def all_confirmation_uses(self) -> list[ConfirmationUse]:
        with self._reading() as connection:
            rows = connection.execute("SELECT tenant, cluster, sensors, set_hash, use FROM confirmations").fetchall()
        return [ConfirmationUse(Scope.parse("/".join(row[:3])), row[3], row[4]) for row in rows]

    # ── leases ───────────────────────────────────────────────────────────────────────────────────────────────────

    @override
    def acquire_lease(self, name: str, holder: str, ttl_s: float, *, take_over: bool = False) -> Lease:
        with self._writing() as connection:
            now_ms, floor = self._clock_ms(), sqlite_publications.floor(connection)
            ttl_ms = round(1000 * ttl_s)
            return sqlite_leases.acquire(connection, name, holder, now_ms, ttl_ms, floor, take_over=take_over)

    @override
    def renew(self, lease: Lease, ttl_s: float) -> Lease:
        with self._writing() as connection:
            return sqlite_leases.renew(connection, lease, self._clock_ms() + round(1000 * ttl_s))

    @override
    def release(self, lease: Lease) -> None:
        with self._writing() as connection:
            sqlite_leases.release(connection, lease)

    @override
    def lease(self, name: str) -> Lease | None:
        with self._reading() as connection:
            return sqlite_leases.find(connection, name)

    # ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @override
    def add_key(self, key: PublicKey) -> None:
        with self._writing() as connection:
            sqlite_keys.add(connection, key)

    @override
    def retire_key(self, key_id: str) -> None:
        with self._writing() as connection:
            sqlite_keys.retire(connection, key_id)

    @override
    def keys(self) -> list[PublicKey]:
        with self._reading() as connection:
            return sqlite_keys.listed(connection, retired=False)

    @override
    def retired_keys(self) -> list[PublicKey]:
        with self._reading() as connection:
            return sqlite_keys.listed(connection, retired=True)

    @override
    def begin_anew(self) -> None:
        with self._writing() as connection:
            sqlite_publications.lift(connection, LIFTED)

    @override
    def close(self) -> None:
        with self._lock:
            self._connection.close()

    # ── the file ─────────────────────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, answering(self._path):
            yield self._connection

    @contextmanager
    def _writing(self, lease: Lease | None = None) -> Iterator[sqlite3.Connection]:
        with self._lock, answering(self._path), transaction(self._connection):
            sqlite_leases.require(self._connection, lease)
            yield self._connection

    def _require_blob(self, connection: sqlite3.Connection, sha256: str) -> None:
        if connection.execute("SELECT 1 FROM blobs WHERE sha256 = ?", (sha256,)).fetchone() is None:
            raise UnknownBlobError(f"{self.where}: there is no blob sha256:{sha256}; put it first")


def _uses(connection: sqlite3.Connection, scope: Scope, set_hash: str) -> int:
    sql = f"SELECT count(*) FROM confirmations WHERE {OF_SCOPE} AND set_hash = ?"  # noqa: S608 - names of ours
    (uses,) = connection.execute(sql, (*key_of(scope), set_hash)).fetchone()
    return int(uses)
