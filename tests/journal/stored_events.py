"""Sealed events for tests of stores: real envelopes with checksums that hold, of people in a given shard."""

from __future__ import annotations

import hashlib
from functools import cache

from kinelog.domain.identifiers import Person, shard_of
from kinelog.journal.event_codec import associated_data
from kinelog.journal.records import Snapshot, StoredEvent
from kinelog.privacy.sealing import Sealer

SEALER = Sealer("5ea1" * 4, bytes(range(32)))


@cache
def person_in(shard: int, shards: int, number: int = 0) -> Person:
    """The person `number` of a shard; always the same."""
    found = -1
    candidate = 0
    while True:
        pseudonym = hashlib.blake2b(b"%d" % candidate, digest_size=16).hexdigest()
        found += shard_of(Person("demo", pseudonym), shards) == shard
        if found == number:
            return Person("demo", pseudonym)
        candidate += 1


def stored(entity: str, sequence: int, content: bytes = b"twelve repetitions") -> StoredEvent:
    """One sealed event."""
    payload = SEALER.seal(content, associated_data(entity, sequence, "SetLabelled", 1))
    return StoredEvent(entity, sequence, "SetLabelled", 1, 1_700_000_000_000 + sequence, payload)


def some(entity: str, count: int, after: int = 0) -> list[StoredEvent]:
    """`count` events of an entity behind a sequence number."""
    return [stored(entity, after + 1 + index) for index in range(count)]


def snapshot(entity: str, sequence: int, content: bytes = b"state") -> Snapshot:
    """One sealed snapshot."""
    return Snapshot(entity, sequence, 1, 1_700_000_000_000, SEALER.seal(content, f"{entity}\0{sequence}".encode()))
