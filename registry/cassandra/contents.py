"""Bytes under their hash: plain writes, since whoever writes the same name writes the same bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal

from kinelog.cassandra_session.connection import Access, Connection, Statement
from kinelog.registry.errors import DamagedBlobError, UnknownBlobError

Kind = Literal["blob", "manifest"]

_PUT = Statement("INSERT INTO {models}.contents (sha256, kind, data) VALUES (?, ?, ?)", Access.WRITE)
_ALL = Statement("SELECT sha256, kind FROM {models}.contents", Access.READ)
_PUT_AT = Statement("SELECT sha256, kind, writetime(data) FROM {models}.contents", Access.READ)
_GET = Statement("SELECT data FROM {models}.contents WHERE sha256 = ?", Access.READ)
_NAMED = Statement("SELECT sha256 FROM {models}.contents WHERE sha256 = ?", Access.READ)


class Contents:
    """The table `contents`."""

    def __init__(self, connection: Connection) -> None:
        """Use a connection, which stays its owner's."""
        self._connection = connection
        self._where = f"keyspace {connection.keyspaces.models}"

    def put(self, kind: Kind, data: bytes) -> str:
        """Keep bytes; their hash."""
        sha256 = hashlib.sha256(data).hexdigest()
        self._connection.ask(_PUT, (sha256, kind, data))
        return sha256

    def get(self, sha256: str) -> bytes:
        """The bytes with this hash.

        Raises:
            UnknownBlobError: There are none.
            DamagedBlobError: What lies there has another hash.
        """
        return self.get_all([sha256])[0]

    def get_all(self, hashes: Sequence[str]) -> list[bytes]:
        """The bytes with these hashes, in their order.

        Raises:
            UnknownBlobError: There are none with one of them.
            DamagedBlobError: What lies there has another hash.
        """
        answers = self._connection.ask_all([(_GET, (sha256,)) for sha256 in hashes])
        return [
            self._checked(sha256, rows[0][0] if rows else None) for sha256, rows in zip(hashes, answers, strict=True)
        ]

    def names(self, kind: Kind) -> list[str]:
        """Hashes of everything of a kind, in no particular order."""
        return [str(sha256) for sha256, of in self._connection.ask(_ALL) if of == kind]

    def blobs_put(self) -> list[tuple[str, int]]:
        """Hashes of all blobs with when they were last put, microseconds since 1970 by the clock of who did."""
        return [(str(sha256), int(at_us or 0)) for sha256, of, at_us in self._connection.ask(_PUT_AT) if of == "blob"]

    def as_they_lie(self, hashes: Sequence[str]) -> list[bytes | None]:
        """What lies under these hashes, damaged or not; None where nothing does."""
        answers = self._connection.ask_all([(_GET, (sha256,)) for sha256 in hashes])
        found = (rows[0][0] if rows else None for rows in answers)
        return [data if isinstance(data, bytes) else None for data in found]

    def require(self, sha256: str) -> None:
        """Refuse a hash that nothing lies under.

        Raises:
            UnknownBlobError: Nothing does.
        """
        if not self._connection.ask(_NAMED, (sha256,)):
            raise UnknownBlobError(f"{self._where}: there is no blob sha256:{sha256}; put it first")

    def _checked(self, sha256: str, data: object) -> bytes:
        if not isinstance(data, bytes):
            raise UnknownBlobError(f"{self._where}: there is no blob sha256:{sha256}")
        if hashlib.sha256(data).hexdigest() != sha256:
            raise DamagedBlobError(f"{self._where}: what is kept as sha256:{sha256} has another hash")
        return data
