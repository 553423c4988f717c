"""The model store of a cluster: each part of it, behind the one port."""

from __future__ import annotations

from collections.abc import Callable

from kinelog.cassandra_session.connection import Access, Connection, Statement
from kinelog.registry.cassandra.answers import answering
from kinelog.registry.cassandra.contents import Contents
from kinelog.registry.cassandra.documents import Document, Documents
from kinelog.registry.cassandra.leases import Leases
from kinelog.registry.cassandra.publications import NewPublication, Publications
from kinelog.registry.cassandra.sweeping import Sweeping
from kinelog.registry.cassandra.trusted_keys import TrustedKeys
from kinelog.registry.clocks import wall_clock_ms
from kinelog.registry.records import Challenger, ConfirmationUse, Lease, Published, RunEntry
from kinelog.registry.scope import Scope
from kinelog.registry.signing import PublicKey, Signature
from kinelog.registry.store import LIFTED, PAGE, ModelStore
from kinelog.registry.write_checks import (
    POPULATION_BYTES,
    RUN_BYTES,
    require_consistent,
    require_run_id,
    require_size,
)
from typing_extensions import override

_LIST_RUN = Statement("INSERT INTO {models}.runs (registry, first_ms, run_id) VALUES ('models', ?, ?)", Access.WRITE)
_RUNS = Statement("SELECT run_id, first_ms FROM {models}.runs WHERE registry = 'models' LIMIT ?", Access.READ)
_USE = Statement("INSERT INTO {models}.confirmations (scope, set_hash, used_by) VALUES (?, ?, ?)", Access.WRITE)
_ALL_USES = Statement("SELECT scope, set_hash, used_by FROM {models}.confirmations", Access.READ)
_USES = Statement("SELECT count(*) FROM {models}.confirmations WHERE scope = ? AND set_hash = ?", Access.READ)


class CassandraModelStore(ModelStore):
    """The tables of the keyspace of models."""

    def __init__(self, connection: Connection, *, clock_ms: Callable[[], int] = wall_clock_ms) -> None:
        """Use a connection.

        Args:
            connection: Stays its owner's; close it after the store.
            clock_ms: Unix milliseconds; machines whose clocks differ only disagree about when a lease may be taken.
        """
        self.where = f"keyspace {connection.keyspaces.models}"
        self._connection = connection
        self._clock_ms = clock_ms
        self._contents = Contents(connection)
        self._leases = Leases(connection)
        self._publications = Publications(connection, self._contents, self._leases)
        self._documents = Documents(connection, self._leases)
        self._sweeping = Sweeping(connection, self._contents, self._publications, self._documents, self._leases)
        self._keys = TrustedKeys(connection)

    # ── blobs ────────────────────────────────────────────────────────────────────────────────────────────────────

    @override
    def put_blob(self, data: bytes) -> str:
        require_size("a blob", data)
        with answering(self.where):
            return self._contents.put("blob", data)

    @override
    def blob(self, sha256: str) -> bytes:
        with answering(self.where):
            return self._contents.get(sha256)

    @override
    def blobs(self) -> list[str]:
        with answering(self.where):
            return self._contents.names("blob")

    @override
    def unnamed_blobs(self, put_before_ms: int) -> list[str]:
        with answering(self.where):
            return list(self._sweeping.unnamed(put_before_ms))

    @override
    def remove_unnamed_blobs(self, put_before_ms: int, *, lease: Lease | None = None) -> list[str]:
        with answering(self.where):
            return self._sweeping.remove(put_before_ms, lease)

    @override
    def serves(self, tenant: str, sha256: str) -> bool:
        with answering(self.where):
            return self._publications.serves(tenant, sha256)

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
        new = NewPublication(scope, expected, manifest, signature, blob, claimed, self._clock_ms())
        with answering(self.where):
            return self._publications.publish(new, lease)

    @override
    def champion(self, scope: Scope) -> Published | None:
        with answering(self.where):
            return self._publications.newest(scope)

    @override
    def version(self, scope: Scope, version: int) -> Published | None:
        with answering(self.where):
            return self._publications.one(scope, version)

    @override
    def versions(self, scope: Scope) -> list[int]:
        with answering(self.where):
            return self._publications.versions(scope)

    @override
    def next_version(self, scope: Scope) -> int:
        with answering(self.where):
            return self._publications.next_version(scope)

    @override
    def scopes(self, tenant: str | None = None) -> list[Scope]:
        with answering(self.where):
            return self._publications.scopes(tenant)

    @override
    def publications(self, after: int = 0, limit: int = PAGE) -> list[Published]:
        with answering(self.where):
            return self._publications.behind(after, limit)

    # ── the challenger, populations, runs ────────────────────────────────────────────────────────────────────────

    @override
    def set_challenger(self, scope: Scope, draft: bytes, blob: str, *, lease: Lease | None = None) -> Challenger:
        require_size("a draft", draft, POPULATION_BYTES)
        document = Document(draft, blob, self._clock_ms())
        with answering(self.where):
            self._contents.require(blob)
            self._documents.write("challenger", scope.path, document, lease)
        return Challenger(scope, draft, blob, document.at_ms)

    @override
    def challenger(self, scope: Scope) -> Challenger | None:
        with answering(self.where):
            kept = self._documents.read("challenger", scope.path)
        return None if kept is None else Challenger(scope, kept.data, kept.blob, kept.at_ms)

    @override
    def save_population(self, scope: Scope, data: bytes, *, lease: Lease | None = None) -> None:
        require_size("a population", data, POPULATION_BYTES)
        with answering(self.where):
            self._documents.write("population", scope.path, Document(data, "", self._clock_ms()), lease)

    @override
    def population(self, scope: Scope) -> bytes | None:
        with answering(self.where):
            kept = self._documents.read("population", scope.path)
        return None if kept is None else kept.data

    @override
    def populations(self) -> list[Scope]:
        with answering(self.where):
            return sorted(Scope.parse(name) for name in self._documents.names("population"))

    @override
    def save_run(self, run_id: str, record: bytes, *, lease: Lease | None = None) -> None:
        require_run_id(run_id)
        require_size("the record of a run", record, RUN_BYTES)
        with answering(self.where):
            first_ms = self._documents.write("run", run_id, Document(record, "", self._clock_ms()), lease)
            # At every save: whoever died behind the first record left it out of the list.
            self._connection.ask(_LIST_RUN, (first_ms, run_id))

    @override
    def run(self, run_id: str) -> bytes | None:
        with answering(self.where):
            kept = self._documents.read("run", run_id)
        return None if kept is None else kept.data

    @override
    def runs(self, limit: int = PAGE) -> list[RunEntry]:
        with answering(self.where):
            rows = self._connection.ask(_RUNS, (limit,))
        return [RunEntry(str(run_id), int(first_ms or 0)) for run_id, first_ms in rows]

    @override
    def use_confirmation(self, scope: Scope, set_hash: str, use: str) -> int:
        with answering(self.where):
            self._connection.ask(_USE, (scope.path, set_hash, use))
        return self.confirmation_uses(scope, set_hash)

    @override
    def confirmation_uses(self, scope: Scope, set_hash: str) -> int:
        with answering(self.where):
            return int(self._connection.ask(_USES, (scope.path, set_hash))[0][0] or 0)

    @override
    def all_confirmation_uses(self) -> list[ConfirmationUse]:
        with answering(self.where):
            rows = self._connection.ask(_ALL_USES)
        return [ConfirmationUse(Scope.parse(str(scope)), str(of), str(use)) for scope, of, use in rows]

    # ── leases ───────────────────────────────────────────────────────────────────────────────────────────────────

    @override
    def acquire_lease(self, name: str, holder: str, ttl_s: float, *, take_over: bool = False) -> Lease:
        with answering(self.where):
            floor, ttl_ms = self._publications.floor(), round(1000 * ttl_s)
            return self._leases.acquire(name, holder, self._clock_ms(), ttl_ms, floor, take_over=take_over)

    @override
    def renew(self, lease: Lease, ttl_s: float) -> Lease:
        with answering(self.where):
            return self._leases.renew(lease, self._clock_ms() + round(1000 * ttl_s))

    @override
    def release(self, lease: Lease) -> None:
        with answering(self.where):
            self._leases.release(lease)

    @override
    def lease(self, name: str) -> Lease | None:
        with answering(self.where):
            return self._leases.find(name)

    # ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @override
    def add_key(self, key: PublicKey) -> None:
        with answering(self.where):
            self._keys.add(key)

    @override
    def retire_key(self, key_id: str) -> None:
        with answering(self.where):
            self._keys.retire(key_id)

    @override
    def keys(self) -> list[PublicKey]:
        with answering(self.where):
            return self._keys.listed(retired=False)

    @override
    def retired_keys(self) -> list[PublicKey]:
        with answering(self.where):
            return self._keys.listed(retired=True)

    @override
    def begin_anew(self) -> None:
        with answering(self.where):
            self._publications.lift(LIFTED)

    @override
    def close(self) -> None:
        """The connection is its owner's."""
