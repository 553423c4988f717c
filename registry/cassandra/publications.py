"""Publications as rows of the ledger: one conditional batch in its one partition writes them all, or nothing.

A publication is found by scope and version, as the newest of its scope, by its number, and by tenant and blob. The
partition's last number is compared with every publication: if anybody published anything since it was read, nothing is
written, and the publisher looks again. So what was read under that number still holds when it is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kinelog.cassandra_session.connection import Access, Connection, Row, Statement, Value
from kinelog.registry.cassandra.answers import attempts, tried
from kinelog.registry.cassandra.contents import Contents
from kinelog.registry.cassandra.leases import Leases
from kinelog.registry.errors import VersionConflictError
from kinelog.registry.records import Lease, Published
from kinelog.registry.scope import Scope
from kinelog.registry.signing import Signature
from kinelog.registry.write_checks import Claimed, next_version, require_next

_COLUMNS = "number, scope, scope_version, manifest, key_id, signature, blob, origin, at_ms"
_ROW = f"SELECT {_COLUMNS} FROM {{models}}.ledger WHERE registry = 'models'"  # noqa: S608 - names of ours
_VERSION = f"{_ROW} AND kind = 'version' AND name = ? AND version = ?"
_NEWEST = f"{_ROW} AND kind = 'newest' AND name = ? AND version = 0"
_BEHIND = Statement(f"{_ROW} AND kind = 'number' AND name = '' AND version > ? LIMIT ?", Access.READ)
_SCOPES = "SELECT name FROM {models}.ledger WHERE registry = 'models' AND kind = 'newest'"
_ALL_SCOPES = Statement(_SCOPES, Access.READ)
_SCOPES_BETWEEN = Statement(f"{_SCOPES} AND name >= ? AND name < ?", Access.READ)
_SERVES = Statement(
    "SELECT number FROM {models}.ledger WHERE registry = 'models' AND kind = 'blob' AND name = ? AND version = 0",
    Access.READ,
)
_VERSIONS = Statement(
    "SELECT version FROM {models}.ledger WHERE registry = 'models' AND kind = 'version' AND name = ?", Access.READ
)
_LAST = "SELECT DISTINCT registry, last_number, floor FROM {models}.ledger"
_LIFT = Statement(
    "UPDATE {models}.ledger SET last_number = ?, floor = ? WHERE registry = 'models' IF last_number = ?",
    Access.CONDITIONAL,
)

_BLOBS = Statement("SELECT blob FROM {models}.ledger WHERE registry = 'models' AND kind = 'blob'", Access.READ)
_COUNT_ON = Statement(
    "UPDATE {models}.ledger SET last_number = ? WHERE registry = 'models' IF last_number = ?", Access.CONDITIONAL
)
_COUNT = "UPDATE {models}.ledger SET last_number = ? WHERE registry = 'models' IF last_number = ?;"
_FENCE = (
    "UPDATE {models}.ledger SET held = true WHERE registry = 'models' AND kind = 'lease' AND name = ? AND version = 0"
    " IF fence = ? AND held = true;"
)
_INSERT = (
    f"INSERT INTO {{models}}.ledger (registry, kind, name, version, {_COLUMNS})"  # noqa: S608 - names of ours
    " VALUES ('models', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);"
)
_PUBLISH = Statement(f"BEGIN BATCH {_COUNT} {4 * _INSERT} APPLY BATCH", Access.CONDITIONAL)
_PUBLISH_FENCED = Statement(f"BEGIN BATCH {_COUNT} {_FENCE} {4 * _INSERT} APPLY BATCH", Access.CONDITIONAL)


class NewPublication(NamedTuple):
    """What is to be published.

    Attributes:
        scope: What it is for.
        expected: The version that has to be the newest; None for no version.
        manifest: The bytes.
        signature: Over these.
        blob: Hash of the blob.
        claimed: What the manifest says.
        at_ms: When.
    """

    scope: Scope
    expected: int | None
    manifest: bytes
    signature: Signature
    blob: str
    claimed: Claimed
    at_ms: int


class _Entry(NamedTuple):
    """A row; the manifest by its hash."""

    number: int
    scope: str
    version: int
    manifest: str
    key_id: str
    signature: bytes
    blob: str
    origin: int
    at_ms: int


class Publications:
    """Publications in the ledger."""

    def __init__(self, connection: Connection, contents: Contents, leases: Leases) -> None:
        """Use a connection, which stays its owner's."""
        self._connection = connection
        self._contents = contents
        self._leases = leases
        self._where = f"keyspace {connection.keyspaces.models}"

    def publish(self, new: NewPublication, lease: Lease | None) -> Published:
        """Publish; see `ModelStore.publish`."""
        # Before the row that names it, and as often as is asked for: it is found by its hash.
        manifest = self._contents.put("manifest", new.manifest)
        version = new.claimed.version
        for _ in attempts(self._where, f"whether version {version} of {new.scope.path} is published"):
            # The number first: whatever is read after it was so when that number is compared.
            last, floor = self._last()
            there = self._entry(Statement(_VERSION, Access.LINEARIZABLE_READ), (new.scope.path, version))
            if there is not None and there.manifest == manifest:
                return self._published([there])[0]
            self._leases.require(lease)
            newest = self._entry(Statement(_NEWEST, Access.LINEARIZABLE_READ), (new.scope.path,))
            found = None if newest is None else newest.version
            if found != (new.expected or None):
                raise VersionConflictError(new.scope.path, new.expected, found)
            require_next(new.claimed, found, floor)
            self._contents.require(new.blob)
            signature = (new.signature.key_id, new.signature.value)
            entry = _Entry(
                (last or 0) + 1, new.scope.path, version, manifest, *signature, new.blob, new.claimed.origin, new.at_ms
            )
            if self._append(entry, last, lease):
                return self._published([entry])[0]
        raise AssertionError  # `attempts` ends in an error of its own

    def newest(self, scope: Scope) -> Published | None:
        """The newest version of a scope."""
        entry = self._entry(Statement(_NEWEST, Access.READ), (scope.path,))
        return None if entry is None else self._published([entry])[0]

    def one(self, scope: Scope, version: int) -> Published | None:
        """One version of a scope."""
        entry = self._entry(Statement(_VERSION, Access.READ), (scope.path, version))
        return None if entry is None else self._published([entry])[0]

    def behind(self, number: int, limit: int) -> list[Published]:
        """Publications of all scopes behind a number, in order."""
        return self._published([_entry_of(row) for row in self._connection.ask(_BEHIND, (number, limit))])

    def versions(self, scope: Scope) -> list[int]:
        """All versions of a scope, from the oldest."""
        return [int(version or 0) for (version,) in self._connection.ask(_VERSIONS, (scope.path,))]

    def next_version(self, scope: Scope) -> int:
        """The version that comes next."""
        newest = self.newest(scope)
        return next_version(None if newest is None else newest.version, self.floor())

    def floor(self) -> int:
        """What versions and tokens of leases begin behind."""
        return self._last(Access.READ)[1]

    def lift(self, by: int) -> None:
        """Lift the floor by so much above every number that was given."""
        for _ in attempts(self._where, "whether versions begin anew"):
            last, floor = self._last()
            raised = max(last or 0, floor) + by
            # Of an unknown outcome nothing is read back: what is lifted twice is only higher.
            answer = tried(self._connection, _LIFT, (raised, raised, last))
            if answer is not None and answer.applied:
                return

    def count_on(self) -> None:
        """Leave a number out, so that no publication is written that looked at anything before this."""
        for _ in attempts(self._where, "whether the ledger counted on"):
            last, _ = self._last()
            # Of an unknown outcome nothing is read back: numbers only have to grow.
            answer = tried(self._connection, _COUNT_ON, ((last or 0) + 1, last))
            if answer is not None and answer.applied:
                return

    def blobs(self) -> set[str]:
        """Hashes of the blobs that publications of all versions name."""
        return {str(blob) for (blob,) in self._connection.ask(_BLOBS)}

    def scopes(self, tenant: str | None) -> list[Scope]:
        """Scopes with a version, in order."""
        if tenant is None:
            rows = self._connection.ask(_ALL_SCOPES)
        else:
            # "0" is the character behind "/": every name between them starts with the tenant and a slash.
            rows = self._connection.ask(_SCOPES_BETWEEN, (f"{tenant}/", f"{tenant}0"))
        return sorted(Scope.parse(str(name)) for (name,) in rows)

    def serves(self, tenant: str, sha256: str) -> bool:
        """Whether a publication of the tenant names the blob."""
        return bool(self._connection.ask(_SERVES, (f"{tenant}/{sha256}",)))

    def _append(self, entry: _Entry, last: int | None, lease: Lease | None) -> bool:
        """Write all rows of a publication; False if they are not there, or nobody knows."""
        tenant = entry.scope.partition("/")[0]
        places: tuple[tuple[str, str, int], ...] = (
            ("version", entry.scope, entry.version),
            ("newest", entry.scope, 0),
            ("number", "", entry.number),
            ("blob", f"{tenant}/{entry.blob}", 0),
        )
        rows: Iterable[Value] = [value for place in places for value in (*place, *entry)]
        if lease is None:
            answer = tried(self._connection, _PUBLISH, (entry.number, last, *rows))
        else:
            answer = tried(self._connection, _PUBLISH_FENCED, (entry.number, last, lease.name, lease.token, *rows))
        return answer is not None and answer.applied

    def _last(self, access: Access = Access.LINEARIZABLE_READ) -> tuple[int | None, int]:
        """The last number that was given, None in a new store, and what versions and tokens begin behind."""
        rows = self._connection.ask(Statement(_LAST, access))
        if not rows:
            return None, 0
        _, last, floor = rows[0]
        return None if last is None else int(last), int(floor or 0)

    def _entry(self, statement: Statement, values: tuple[Value, ...]) -> _Entry | None:
        rows = self._connection.ask(statement, values)
        return _entry_of(rows[0]) if rows else None

    def _published(self, entries: Sequence[_Entry]) -> list[Published]:
        manifests = self._contents.get_all([entry.manifest for entry in entries])
        return [
            Published(
                Scope.parse(entry.scope),
                entry.version,
                entry.number,
                manifest,
                Signature(entry.key_id, entry.signature),
                entry.blob,
                entry.origin,
                entry.at_ms,
            )
            for entry, manifest in zip(entries, manifests, strict=True)
        ]


def _entry_of(row: Row) -> _Entry:
    return _Entry._make(row)
