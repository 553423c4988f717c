"""One row a commit: how the events of a commit are packed, found again one by one, and protected by a checksum.

The body is a msgpack array of the commit's events in log order. The directory says where in the body the *runs* are:
consecutive events of one entity. A run's bytes can be read and decoded without the rest of the body, so an entity can
be replayed although its events are spread over thousands of commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from zlib import crc32

import msgspec
from kinelog.journal.errors import CorruptError
from kinelog.journal.records import StoredEvent

CHECKSUM_BYTES = 16

_EVENT = msgspec.msgpack.Encoder()
_ONE_EVENT = msgspec.msgpack.Decoder(StoredEvent)
_EVENTS = msgspec.msgpack.Decoder(list[StoredEvent])


class Run(msgspec.Struct, frozen=True, array_like=True):
    """Consecutive events of one entity within a commit.

    Attributes:
        entity: Persistence id.
        last_sequence: Sequence number of its last event; they are contiguous.
        count: Number of events.
        position: Log position of its first event.
        start: Offset of its bytes in the body.
        length: Number of its bytes.
        crc: CRC-32 of its bytes.
    """

    entity: str
    last_sequence: int
    count: int
    position: int
    start: int
    length: int
    crc: int

    @property
    def where(self) -> str:
        """How messages name the run."""
        return f"{self.entity}#{self.last_sequence} at position {self.position}"


_RUNS = msgspec.msgpack.Decoder(list[Run])


class CommitRow(msgspec.Struct, frozen=True):
    """A commit as it is stored.

    Attributes:
        shard: The shard.
        first: Position of the first event.
        last: Position of the last event.
        epoch: Epoch it was written under.
        commit_id: 16 bytes that name it.
        checksum: 16 bytes of BLAKE2b over everything else.
        directory: msgpack of its runs.
        body: msgpack of its events.
    """

    shard: int
    first: int
    last: int
    epoch: int
    commit_id: bytes
    checksum: bytes
    directory: bytes
    body: bytes

    @property
    def where(self) -> str:
        """How messages name the row."""
        return f"shard {self.shard}, positions {self.first}-{self.last}"

    def intact(self) -> bool:
        """Whether the checksum holds; needs no key."""
        return self.checksum == _checksum(
            self.shard, self.first, self.last, self.epoch, self.commit_id, self.directory, self.body
        )

    def runs(self) -> list[Run]:
        """Where each entity's events are.

        Raises:
            CorruptError: The directory does not decode.
        """
        return runs_of(self.directory, self.where)

    def events(self) -> list[StoredEvent]:
        """All events in log order, the row's checksum verified.

        Raises:
            CorruptError: The row is damaged.
        """
        if not self.intact():
            raise CorruptError(self.where, "the checksum of the commit does not hold")
        return self.decoded()

    def decoded(self) -> list[StoredEvent]:
        """All events in log order, the checksum not looked at.

        Raises:
            CorruptError: The body does not decode, or to another number of events.
        """
        events = _decoded(self.body, self.where)
        if len(events) != self.last - self.first + 1:
            raise CorruptError(self.where, f"holds {len(events)} events")
        return events


def pack(
    shard: int, after: int, epoch: int, commit_id: bytes, events: Sequence[StoredEvent]
) -> tuple[CommitRow, list[Run]]:
    """The row of a commit behind position `after`, and its runs.

    Raises:
        ValueError: No events, or an entity's sequence numbers are out of line.
    """
    if not events:
        raise ValueError("a commit holds at least one event")
    encoded = [_EVENT.encode(event) for event in events]
    header = _array_header(len(encoded))
    body = header + b"".join(encoded)
    runs = _runs(events, encoded, after + 1, body, len(header))
    directory = _EVENT.encode(runs)
    last = after + len(encoded)
    checksum = _checksum(shard, after + 1, last, epoch, commit_id, directory, body)
    return CommitRow(shard, after + 1, last, epoch, commit_id, checksum, directory, body), runs


def runs_of(directory: bytes, where: str) -> list[Run]:
    """Decode a directory.

    Raises:
        CorruptError: It does not decode; `where` names the row.
    """
    try:
        return _RUNS.decode(directory)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise CorruptError(where, f"the directory of the commit does not decode: {error}") from error


def events_of_run(run: Run, content: bytes | None) -> list[StoredEvent]:
    """The events of a run from its bytes in the body.

    Raises:
        CorruptError: The bytes are not the ones that were written.
    """
    if content is None:
        raise CorruptError(run.where, "the commit that the index names does not exist")
    if crc32(content) != run.crc:
        raise CorruptError(run.where, "the events' checksum does not hold")
    events = _decoded_run(run, content)
    expected = run.last_sequence - run.count + 1
    for event in events:
        if event.entity != run.entity or event.sequence != expected:
            raise CorruptError(run.where, f"holds {event.entity}#{event.sequence} instead of #{expected}")
        expected += 1
    return events


def _decoded_run(run: Run, content: bytes) -> list[StoredEvent]:
    if run.count != 1:
        return _decoded(_array_header(run.count) + content, run.where)
    try:
        return [_ONE_EVENT.decode(content)]  # most runs of a live session; saves copying the bytes behind a header
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise CorruptError(run.where, f"the event does not decode: {error}") from error


def _runs(events: Sequence[StoredEvent], encoded: Sequence[bytes], first: int, body: bytes, start: int) -> list[Run]:
    runs: list[Run] = []
    newest: dict[str, int] = {}
    begin, count = start, 0
    end = start
    entity, sequence = events[0].entity, events[0].sequence - 1
    for index, event in enumerate(events):
        if event.entity != entity:
            runs.append(Run(entity, sequence, count, first + index - count, begin, end - begin, crc32(body[begin:end])))
            newest[entity] = sequence
            entity, begin, count = event.entity, end, 0
            sequence = newest.get(entity, event.sequence - 1)
        if event.sequence != sequence + 1 or event.sequence < 1:
            raise ValueError(f"{event.entity}: sequence {event.sequence} follows {sequence} in one commit")
        sequence += 1
        count += 1
        end += len(encoded[index])
    position = first + len(events) - count
    runs.append(Run(entity, sequence, count, position, begin, end - begin, crc32(body[begin:end])))
    return runs


def _array_header(length: int) -> bytes:
    """The msgpack header of an array: one, three or five bytes."""
    if length < 16:
        return bytes((0x90 | length,))
    if length < 1 << 16:
        return b"\xdc" + length.to_bytes(2, "big")
    return b"\xdd" + length.to_bytes(4, "big")


def _decoded(content: bytes, where: str) -> list[StoredEvent]:
    try:
        return _EVENTS.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise CorruptError(where, f"the events do not decode: {error}") from error


def _checksum(shard: int, first: int, last: int, epoch: int, commit_id: bytes, directory: bytes, body: bytes) -> bytes:
    digest = blake2b(
        b"%d %d %d %d %d %d " % (shard, first, last, epoch, len(commit_id), len(directory)), digest_size=16
    )
    digest.update(commit_id)
    digest.update(directory)
    digest.update(body)
    return digest.digest()
