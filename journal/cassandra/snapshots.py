"""Snapshots in Cassandra: the newest two states of each entity, sealed.

Clocks decide nothing here. A snapshot is stamped 1, and one more each time it is saved again; whatever is deleted is
deleted with a stamp above all of them. So a delete holds against a save that comes late, from a node whose clock is
ahead: what lies below the newest two is never asked for again, and an erased person never comes back.

A snapshot is one cell, checksum and all: two that were saved at once under one stamp are never mixed.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from typing import cast

import msgspec
from kinelog.cassandra_session.connection import Access, Connection, Request, Statement
from kinelog.domain.identifiers import person_of
from kinelog.journal.cassandra.store_errors import as_journal_errors
from kinelog.journal.records import Snapshot

KEPT = 2

_log = logging.getLogger(__name__)
_DECODER = msgspec.msgpack.Decoder(Snapshot)
_CHECKSUM_BYTES = 16
_FOR_EVER = 1 << 50
"""Timestamp of all deletes: nobody saves one snapshot so many times."""

_NEWEST = Statement(
    "SELECT sequence, content FROM {log}.snapshots WHERE incarnation = ? AND entity = ? LIMIT 2", Access.READ
)
_STAMPS = Statement(
    "SELECT sequence, writetime(content) FROM {log}.snapshots WHERE incarnation = ? AND entity = ? LIMIT 2",
    Access.READ,
)
_SAVE = Statement(
    "INSERT INTO {log}.snapshots (incarnation, entity, sequence, content) VALUES (?, ?, ?, ?) USING TIMESTAMP ?",
    Access.WRITE,
)
_TRIM = Statement(
    "DELETE FROM {log}.snapshots USING TIMESTAMP ? WHERE incarnation = ? AND entity = ? AND sequence < ?",
    Access.WRITE,
)
_DISCARD = Statement("DELETE FROM {log}.snapshots USING TIMESTAMP ? WHERE incarnation = ? AND entity = ?", Access.WRITE)
_LIST = Statement(
    "INSERT INTO {log}.snapshot_entities (incarnation, person, entity) VALUES (?, ?, ?) USING TIMESTAMP 1", Access.WRITE
)
_LISTED = Statement(
    "SELECT entity FROM {log}.snapshot_entities WHERE incarnation = ? AND person = ? AND entity > ? LIMIT 1000",
    Access.READ,
)
_MARK = Statement(
    "INSERT INTO {log}.snapshot_entities (incarnation, person, discarded) VALUES (?, ?, true) USING TIMESTAMP 1",
    Access.WRITE,
)
_MARKED = Statement(
    "SELECT DISTINCT incarnation, person, discarded FROM {log}.snapshot_entities WHERE incarnation = ? AND person = ?",
    Access.READ,
)


class CassandraSnapshots:
    """The snapshots of one incarnation of the log. Thread-safe. Every method may raise `UnavailableError`."""

    def __init__(self, connection: Connection, incarnation: str) -> None:
        """Use a connection. Sequence numbers of another incarnation mean nothing here, so each has its own rows."""
        self._connection = connection
        self._incarnation = incarnation

    def save(self, snapshot: Snapshot) -> None:
        """Keep a snapshot, and only the newest two of its entity; nothing of somebody who was discarded."""
        entity = snapshot.entity
        with as_journal_errors():
            known = cast("list[tuple[int, int]]", self._connection.ask(_STAMPS, (self._incarnation, entity)))
            if len(known) == KEPT and snapshot.sequence < known[-1][0]:
                return
            person = _person_of(entity)
            if person is not None and not known:
                # Before the snapshot, so that whoever discards finds it.
                self._connection.ask(_LIST, (self._incarnation, person, entity))
            self._connection.write_all([self._writes(snapshot, known)])
            # After the snapshot: either this sees the mark, or the mark came later and its maker sees the list.
            if person is not None and self._is_discarded(person):
                self._discard_all([entity])

    def newest(self, entity: str) -> list[Snapshot]:
        """Up to two, newest first; damaged ones are left out (the events say the same)."""
        with as_journal_errors():
            rows = cast("list[tuple[int, bytes]]", self._connection.ask(_NEWEST, (self._incarnation, entity)))
        found = []
        for sequence, content in rows:
            snapshot = _opened(entity, sequence, content)
            if snapshot is None:
                _log.warning("the snapshot of %s at %d is damaged and is left out", entity, sequence)
            else:
                found.append(snapshot)
        return found

    def discard(self, person_entity: str) -> None:
        """Delete the snapshots of a person and of their sessions, for good: later ones do not stay either."""
        with as_journal_errors():
            self._connection.ask(_MARK, (self._incarnation, person_entity))
            after = ""
            while listed := self._connection.ask(_LISTED, (self._incarnation, person_entity, after)):
                entities = [str(row[0]) for row in listed]
                self._discard_all(entities)
                after = entities[-1]

    def _writes(self, snapshot: Snapshot, known: Sequence[tuple[int, int]]) -> list[Request]:
        """The statements that save: one partition, so all or none of them."""
        entity, sequence = snapshot.entity, snapshot.sequence
        packed = msgspec.msgpack.encode(snapshot)
        stamp = dict(known).get(sequence, 0) + 1
        writes: list[Request] = [
            (_SAVE, (self._incarnation, entity, sequence, _checksum(packed) + packed, stamp)),
        ]
        newest_first = sorted({sequence, *(at for at, _ in known)}, reverse=True)
        if len(newest_first) > KEPT:
            writes.append((_TRIM, (_FOR_EVER, self._incarnation, entity, newest_first[KEPT - 1])))
        return writes

    def _is_discarded(self, person: str) -> bool:
        return any(row[2] for row in self._connection.ask(_MARKED, (self._incarnation, person)))

    def _discard_all(self, entities: Sequence[str]) -> None:
        self._connection.write_all([(_DISCARD, (_FOR_EVER, self._incarnation, entity))] for entity in entities)


def _person_of(entity: str) -> str | None:
    """Whose snapshot it is; None for a shard's own."""
    return person_of(entity).persistence_id if "/" in entity else None


def _opened(entity: str, sequence: int, content: bytes) -> Snapshot | None:
    packed = content[_CHECKSUM_BYTES:]
    if _checksum(packed) != content[:_CHECKSUM_BYTES]:
        return None
    try:
        snapshot = _DECODER.decode(packed)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return snapshot if (snapshot.entity, snapshot.sequence) == (entity, sequence) else None


def _checksum(packed: bytes) -> bytes:
    return hashlib.blake2b(packed, digest_size=_CHECKSUM_BYTES).digest()
