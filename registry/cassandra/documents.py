"""Challengers, populations and records of runs: one row each, replaced under a revision and the token of a lease.

The revision keeps a write that was held up on its way from replacing what the same run wrote after it; the token keeps
a run whose lease went on from replacing what its successor wrote.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Literal, NamedTuple

from kinelog.cassandra_session.connection import Access, Connection, Statement
from kinelog.registry.cassandra.answers import attempts, tried
from kinelog.registry.cassandra.leases import Leases
from kinelog.registry.errors import StaleLeaseError
from kinelog.registry.records import Lease

Kind = Literal["challenger", "population", "run"]

_STATE = Statement(
    "SELECT revision, written, fence, first_ms FROM {models}.documents WHERE kind = ? AND name = ?",
    Access.LINEARIZABLE_READ,
)
_READ = Statement("SELECT data, blob, at_ms FROM {models}.documents WHERE kind = ? AND name = ?", Access.READ)
_NAMES = Statement("SELECT kind, name FROM {models}.documents", Access.READ)
_BLOBS = Statement("SELECT kind, blob FROM {models}.documents", Access.READ)
_WRITE = Statement(
    "UPDATE {models}.documents SET revision = ?, written = ?, fence = ?, first_ms = ?, at_ms = ?, blob = ?, data = ?"
    " WHERE kind = ? AND name = ? IF revision = ?",
    Access.CONDITIONAL,
)


class Document(NamedTuple):
    """What is kept.

    Attributes:
        data: The bytes.
        blob: Hash of a blob that belongs to them, or empty.
        at_ms: When they were written.
    """

    data: bytes
    blob: str
    at_ms: int


class Documents:
    """The table `documents`."""

    def __init__(self, connection: Connection, leases: Leases) -> None:
        """Use a connection, which stays its owner's."""
        self._connection = connection
        self._leases = leases
        self._where = f"keyspace {connection.keyspaces.models}"

    def write(self, kind: Kind, name: str, document: Document, lease: Lease | None) -> int:
        """Put a document in place of the one before; when the first one of this name was written.

        Raises:
            StaleLeaseError: The lease was released, or somebody has a newer one.
        """
        written = secrets.token_hex(16)
        for _ in attempts(self._where, f"whether the {kind} {name!r} is written"):
            self._leases.require(lease)
            rows = self._connection.ask(_STATE, (kind, name))
            revision, last, token, first_ms = rows[0] if rows else (None, None, 0, document.at_ms)
            if last == written:
                return int(first_ms or 0)
            if lease is not None and int(token or 0) > lease.token:
                raise StaleLeaseError(f"the {kind} {name!r} was written by a holder of a newer lease")
            answer = tried(
                self._connection,
                _WRITE,
                (
                    int(revision or 0) + 1,
                    written,
                    int(token or 0) if lease is None else lease.token,
                    first_ms,
                    document.at_ms,
                    document.blob,
                    document.data,
                    kind,
                    name,
                    revision,
                ),
            )
            if answer is not None and answer.applied:
                return int(first_ms or 0)
        raise AssertionError  # `attempts` ends in an error of its own

    def names(self, kind: Kind) -> list[str]:
        """Names of all documents of a kind, in no particular order; reads the names of all kinds."""
        return [str(name) for of, name in self._connection.ask(_NAMES) if of == kind]

    def challengers(self) -> set[str]:
        """Hashes of the blobs that challengers name."""
        return {str(blob) for of, blob in self._connection.ask(_BLOBS) if of == "challenger"}

    def populations(self) -> Iterator[bytes]:
        """What populations hold, one after the other."""
        for name in self.names("population"):
            kept = self.read("population", name)
            if kept is not None:
                yield kept.data

    def read(self, kind: Kind, name: str) -> Document | None:
        """The document of a name."""
        rows = self._connection.ask(_READ, (kind, name))
        if not rows:
            return None
        data, blob, at_ms = rows[0]
        return Document(data if isinstance(data, bytes) else b"", str(blob), int(at_ms or 0))
