"""The index of entities in Cassandra, held against the log that it was copied from: one chain of hashes an entity."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import cast

from kinelog.cassandra_session.connection import Access, Connection, Statement
from kinelog.domain.identifiers import person_of, shard_of
from kinelog.journal.cassandra.entity_events import EntityEvents, Offset
from kinelog.journal.cassandra.journal import CassandraLog
from kinelog.journal.cassandra.log_identity import LogIdentity
from kinelog.journal.cassandra.store_errors import as_journal_errors
from kinelog.journal.commit_row import CommitRow, events_of_run
from kinelog.journal.entity_chains import ENTITIES_IN_MEMORY, Chain, EntityChains, link
from kinelog.journal.errors import CorruptError
from kinelog.journal.inspection import Finding
from kinelog.journal.records import Positioned

READERS = 16
CHUNK = 512
"""Entities that are compared at a time."""

PAGE = 2_000
_FIRST_TOKEN = -(1 << 63)
_PARTITIONS = Statement(
    "SELECT DISTINCT token(incarnation, generation, entity, stretch), incarnation, generation, entity, stretch "
    "FROM {log}.entity_events WHERE token(incarnation, generation, entity, stretch) >= ? LIMIT ?",
    Access.READ,
)


class IndexInspection:
    """The index of all shards."""

    def __init__(self, connection: Connection, identity: LogIdentity) -> None:
        """Inspect the index of this log's incarnation."""
        self._connection = connection
        self._identity = identity
        self._log = CassandraLog(connection, identity)
        self._events = EntityEvents(connection, identity.incarnation)
        self._shards: dict[int, ShardIndex] = {}

    def of(self, shard: int) -> ShardIndex:
        """The index of a shard, as far as it went when it was first asked for."""
        if shard not in self._shards:
            memory = ENTITIES_IN_MEMORY // self._identity.shards + 1
            self._shards[shard] = ShardIndex(self._events, self._log, shard, EntityChains(memory))
        return self._shards[shard]

    def strangers(self) -> Iterator[Finding]:
        """Entities that the index has and the log does not."""
        met: set[str] = set()
        for incarnation, generation, entity in self._partitions():
            if incarnation != self._identity.incarnation or "/" not in entity:
                continue  # of a timeline that was given up: nobody reads it
            shard = self.of(shard_of(person_of(entity), self._identity.shards))
            if generation == shard.offset.generation and entity not in met and not shard.knows(entity):
                met.add(entity)
                yield from shard.stranger(entity)

    def close(self) -> None:
        """Delete temporary files."""
        for shard in self._shards.values():
            shard.close()

    def _partitions(self) -> Iterator[tuple[str, int, str]]:
        token, at_token = _FIRST_TOKEN, set[tuple[object, ...]]()
        while True:
            with as_journal_errors():
                rows = self._connection.ask(_PARTITIONS, (token, PAGE))
            fresh = [row for row in rows if row not in at_token]
            for row in fresh:
                yield cast("tuple[str, int, str]", row[1:4])
            if len(rows) < PAGE:
                return
            token = cast("int", rows[-1][0])
            at_token = {row for row in rows if row[0] == token}


class ShardIndex:
    """The index of one shard. The chains are of the log, up to where the index was complete."""

    def __init__(self, events: EntityEvents, log: CassandraLog, shard: int, chains: EntityChains) -> None:
        """Look at how far it goes."""
        self.offset: Offset = events.offset(shard)
        self._events = events
        self._log = log
        self._shard = shard
        self._chains = chains

    def add(self, row: CommitRow) -> None:
        """The next commit of the log."""
        if row.last > self.offset.position:
            return
        try:
            for position, event in enumerate(row.decoded(), row.first):
                self._chains.add(event, position)
        except CorruptError:
            return  # a damage of the log, which is found as such

    def knows(self, entity: str) -> bool:
        """Whether the log has the entity, as far as the index was complete."""
        return self._chains.knows(entity)

    def findings(self) -> Iterator[Finding]:
        """Where the index says something else than the log, or nothing."""
        found: list[Finding] = []
        chains = self._chains.in_order()
        with ThreadPoolExecutor(READERS, thread_name_prefix="index") as pool:
            while chunk := list(islice(chains, CHUNK)):
                found += [finding for finding in pool.map(self._compare, chunk) if finding is not None]
        # While it was read the index may have been built anew: then this one is being deleted, and nobody reads it.
        if self._events.offset(self._shard).generation == self.offset.generation:
            yield from found

    def stranger(self, entity: str) -> Iterator[Finding]:
        """What is wrong with an entity that the log does not have up to the offset; rows behind it may be early."""
        difference = self._difference(entity, 1 << 62)
        if difference is not None:
            yield difference

    def close(self) -> None:
        """Delete the temporary file of the chains."""
        self._chains.close()

    def _compare(self, chain: Chain) -> Finding | None:
        head, sequence = b"", 0
        try:
            for positioned in self._indexed(chain.entity):
                if sequence == chain.sequence:
                    break
                head = link(head, positioned.event, positioned.position)
                sequence = positioned.event.sequence
        except CorruptError:
            head = b""
        return None if head == chain.head else self._difference(chain.entity, chain.sequence)

    def _difference(self, entity: str, until: int) -> Finding | None:
        """The first place where index and log disagree, up to a sequence number."""
        at = sequence = 0
        try:
            for positioned in self._indexed(entity):
                if sequence >= until:
                    return None
                if positioned.event.sequence != sequence + 1 or not self._in_log(positioned):
                    detail = f"the index of {entity} says something else than the log at #{sequence + 1}"
                    return Finding("index", self._shard, positioned.position, detail)
                at, sequence = positioned.position, positioned.event.sequence
        except CorruptError as error:
            return Finding("index", self._shard, at, f"behind this position: {error}")
        if until == 1 << 62 or sequence >= until:
            return None
        return Finding("index", self._shard, at, f"the index of {entity} lacks #{sequence + 1}, behind this position")

    def _indexed(self, entity: str) -> Iterator[Positioned]:
        for run, content in self._events.read(self.offset.generation, entity, 0):
            yield from map(Positioned, range(run.position, run.position + run.count), events_of_run(run, content))

    def _in_log(self, positioned: Positioned) -> bool:
        for row in self._log.reader.rows_of_events(self._shard, positioned.position - 1, 1):
            return row.first <= positioned.position <= row.last and (
                row.decoded()[positioned.position - row.first] == positioned.event
            )
        return False
