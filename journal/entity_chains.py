"""A hash chain over the ciphertext of each entity: equal in two logs exactly if the entity's events are.

Needs no key, and does not depend on shards, positions, commits or epochs: a log and its copy with another number of
shards have the same chains. Memory is bounded: the heads of entities that were not met lately lie in a temporary file.
"""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from hashlib import blake2b
from itertools import groupby
from operator import itemgetter
from types import TracebackType
from typing import NamedTuple, Self

import msgspec
from kinelog.journal.errors import CorruptError
from kinelog.journal.port import Journal
from kinelog.journal.records import StoredEvent

ENTITIES_IN_MEMORY = 200_000
READERS = 8
NAMED = 20
"""Differing entities that a comparison names; the others are only counted."""

_FIELDS = msgspec.msgpack.Encoder()


class Chain(NamedTuple):
    """The head of an entity's chain.

    Attributes:
        entity: Persistence id.
        sequence: Sequence number of its last event.
        head: 32 bytes of BLAKE2b over the chain before, and the last event.
    """

    entity: str
    sequence: int
    head: bytes


class Comparison(msgspec.Struct, frozen=True):
    """What a comparison of two logs found.

    Attributes:
        entities: Entities in either of them.
        events: Events in both, counted once.
        head: Hash over the heads of all chains of the first log, hexadecimal.
        differing: How many entities differ.
        named: The first of them, in words.
    """

    entities: int
    events: int
    head: str
    differing: int
    named: tuple[str, ...]


class EntityChains:
    """The chains of the entities of one shard. For one thread at a time; a context that deletes its file."""

    def __init__(self, in_memory: int = ENTITIES_IN_MEMORY) -> None:
        """Keep the heads of so many entities in memory."""
        self._in_memory = in_memory
        self._heads: dict[str, tuple[int, bytes]] = {}
        self._file: sqlite3.Connection | None = None

    def add(self, event: StoredEvent, position: int = 0) -> None:
        """Append the next event of its entity; `position` where two sides must agree on that too.

        Raises:
            CorruptError: Its sequence number is not the next one.
        """
        entity = event.entity
        sequence, head = self._heads.get(entity) or self._spilled(entity)
        if event.sequence != sequence + 1:
            raise CorruptError(f"{entity}#{event.sequence}", f"stands where #{sequence + 1} belongs")
        self._heads[entity] = (event.sequence, link(head, event, position))
        if len(self._heads) > self._in_memory:
            self._spill()

    def in_order(self) -> Iterator[Chain]:
        """All chains, by persistence id."""
        if self._file is None:
            return (Chain(entity, *self._heads[entity]) for entity in sorted(self._heads))
        self._spill()
        return map(Chain._make, self._file.execute("SELECT entity, sequence, head FROM chains ORDER BY entity"))

    def knows(self, entity: str) -> bool:
        """Whether there is a chain of this entity."""
        return entity in self._heads or self._spilled(entity)[0] > 0

    def close(self) -> None:
        """Delete the temporary file, if there is one."""
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> Self:
        """Nothing to open yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def _spilled(self, entity: str) -> tuple[int, bytes]:
        if self._file is None:
            return 0, b""
        row = self._file.execute("SELECT sequence, head FROM chains WHERE entity = ?", (entity,)).fetchone()
        return (0, b"") if row is None else (row[0], row[1])

    def _spill(self) -> None:
        if self._file is None:
            # No name: SQLite keeps it in memory while it is small, then in a file that nobody else can open.
            self._file = sqlite3.connect("", isolation_level=None, check_same_thread=False)
            self._file.execute(
                "CREATE TABLE chains (entity TEXT PRIMARY KEY, sequence INTEGER, head BLOB) WITHOUT ROWID"
            )
        self._file.execute("BEGIN")
        self._file.executemany(
            "INSERT OR REPLACE INTO chains VALUES (?, ?, ?)",
            ((entity, sequence, head) for entity, (sequence, head) in sorted(self._heads.items())),
        )
        self._file.execute("COMMIT")
        self._heads.clear()


def link(head: bytes, event: StoredEvent, position: int = 0) -> bytes:
    """The head of a chain (empty: a new one) behind one more event; 32 bytes."""
    sealed = event.payload
    named = (position, event.entity, event.sequence, event.type, event.schema, event.at_ms)
    fields = _FIELDS.encode((*named, sealed.codec, sealed.key_id, sealed.nonce))
    # msgpack says the length of each field, so no two events have the same bytes.
    digest = blake2b(head + fields, digest_size=32)
    digest.update(sealed.ciphertext)
    return digest.digest()


def compare(one: Journal, until: Sequence[int], other: Journal, progress: Callable[[int], None]) -> Comparison:
    """Read two logs and compare the chains of every entity.

    Args:
        one: The first log.
        until: Positions up to which it is read, for each of its shards.
        other: The second log, read to its end.
        progress: Told, from any thread, the number of events that were read since it was last told.

    Raises:
        CorruptError: A commit is damaged, or a sequence number out of line.
        JournalError: A store does not answer.
    """
    ends = [other.head(shard) for shard in range(other.shards)]
    with ExitStack() as stack:
        sides = [_chains_of(stack, *side, progress) for side in ((one, until), (other, ends))]
        return _compared(*(heapq.merge(*(chains.in_order() for chains in side)) for side in sides))


def _chains_of(
    stack: ExitStack, journal: Journal, until: Sequence[int], progress: Callable[[int], None]
) -> list[EntityChains]:
    shards = range(journal.shards)
    every = [stack.enter_context(EntityChains(ENTITIES_IN_MEMORY // journal.shards + 1)) for _ in shards]

    def read(shard: int) -> None:
        if until[shard] == 0:
            return
        for commit in journal.read_commits(shard, 0):
            for positioned in commit:
                every[shard].add(positioned.event)
            progress(len(commit))
            if commit[-1].position >= until[shard]:
                return

    with ThreadPoolExecutor(READERS) as pool:
        list(pool.map(read, shards))
    return every


def _compared(one: Iterable[Chain], other: Iterable[Chain]) -> Comparison:
    whole = blake2b(digest_size=32)
    entities = events = differing = 0
    named: list[str] = []
    sides = heapq.merge(((chain, 0) for chain in one), ((chain, 1) for chain in other))
    for entity, found in groupby(sides, key=lambda item: item[0].entity):
        chains: list[list[Chain]] = [[], []]
        for chain, side in found:
            chains[side].append(chain)
        entities += 1
        for chain in chains[0]:
            whole.update(_FIELDS.encode(chain))
            events += chain.sequence
        if len(chains[0]) != 1 or chains[0] != chains[1]:
            differing += 1
            if len(named) < NAMED:
                named.append(_difference(entity, *chains))
    return Comparison(entities, events, whole.hexdigest(), differing, tuple(named))


def _difference(entity: str, one: Sequence[Chain], other: Sequence[Chain]) -> str:
    here, there = (sum(map(itemgetter(1), side)) for side in (one, other))
    if len(one) > 1 or len(other) > 1:
        return f"{entity} has events in several shards"
    if here != there:
        return f"{entity} has {here} events at the source and {there} at the destination"
    return f"{entity} has other bytes at the destination, up to #{here}"
