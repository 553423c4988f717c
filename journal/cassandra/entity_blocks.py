"""How runs of commits become rows of `entity_events`: blocks of the log, regrouped by entity.

A row a run would be a row an event while people train: as many rows as events, each with its own key, written and read
one by one. So the log is copied block by block, and what a block holds of one entity goes into few rows. Where a block
ends, where a row ends, and what a row holds depends on nothing but the log from the end of the block before: whoever
copies a block, whenever and however often, writes the same rows.

A partition is a *stretch* of an entity's sequence numbers, so that no entity makes a partition that grows for ever. No
row reaches over the border of a stretch: so a stretch that was begun is followed by another only when it is full, and a
reader walks from one to the next without asking where the entity ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple
from zlib import crc32

import msgspec
from kinelog.journal.commit_row import CommitRow, Run
from kinelog.journal.errors import CorruptError

BLOCK_BYTES = 1 << 20
BLOCK_COMMITS = 1_024
ROW_BYTES = 128 << 10
STRETCH_EVENTS = 4_096
"""With events of 400 bytes a partition has 2 MB; with the largest frames that devices send, some tens."""

RUN_OVERHEAD_BYTES = 256
"""What a run takes in memory, and about what a row of its own costs, beside its bytes."""

_CRC_BYTES = 4


class IndexedRun(msgspec.Struct, frozen=True, array_like=True):
    """A run as a row of the index holds it; `crc` is that of the commit's directory, over `content`."""

    last_sequence: int
    count: int
    position: int
    crc: int
    content: bytes


class EntityRow(NamedTuple):
    """A row of `entity_events`.

    Attributes:
        entity: Persistence id.
        last_sequence: Of its last event.
        position: Log position of its last event.
        content: CRC-32, then msgpack of its `IndexedRun`s.
    """

    entity: str
    last_sequence: int
    position: int
    content: bytes


_ENCODER = msgspec.msgpack.Encoder()
_RUNS = msgspec.msgpack.Decoder(list[IndexedRun])
_RAW_EVENTS = msgspec.msgpack.Decoder(list[msgspec.Raw])


def stretch_of(sequence: int) -> int:
    """The stretch that holds an event."""
    return sequence // STRETCH_EVENTS


def cost_of(row: CommitRow, runs: Sequence[Run]) -> int:
    """What a commit counts towards the end of a block and the bound of a tail, in bytes."""
    return len(row.body) + RUN_OVERHEAD_BYTES * len(runs)


def block_length(costs: Iterable[int]) -> int:
    """How many of the commits behind a block's end make the next block; 0 if they are too few yet.

    Changing this makes other blocks: an index that was written with it has to be rebuilt as a new generation.
    """
    total = 0
    for number, cost in enumerate(costs, 1):
        total += cost
        if total >= BLOCK_BYTES or number >= BLOCK_COMMITS:
            return number
    return 0


def entity_rows(rows: Sequence[CommitRow]) -> list[EntityRow]:
    """The rows that a block makes, in the order of their last events.

    Raises:
        CorruptError: A commit is damaged. Copied without a look, an event could come to stand under another entity.
    """
    open_rows: dict[str, list[IndexedRun]] = {}
    closed: list[EntityRow] = []
    for row in rows:
        if not row.intact():
            raise CorruptError(row.where, "the checksum of the commit does not hold; it cannot be indexed")
        for run in row.runs():
            for piece in _pieces(run, row.body[run.start : run.start + run.length]):
                pieces = open_rows.get(run.entity)
                if pieces is not None and not _fits(pieces, piece):
                    closed.append(_closed(run.entity, pieces))
                    pieces = None
                if pieces is None:
                    open_rows[run.entity] = pieces = []
                pieces.append(piece)
    closed += (_closed(entity, pieces) for entity, pieces in open_rows.items())
    closed.sort(key=lambda row: row.position)
    return closed


def runs_of_row(entity: str, last_sequence: int, content: bytes) -> list[tuple[Run, bytes]]:
    """The runs of a row with the bytes of their events.

    Raises:
        CorruptError: The row is damaged; `kinelog journal index --rebuild` makes it again from the log.
    """
    where = f"the index of {entity}, row up to #{last_sequence}"
    if crc32(content[_CRC_BYTES:]) != int.from_bytes(content[:_CRC_BYTES], "big"):
        raise CorruptError(where, "the checksum of the row does not hold")
    try:
        indexed = _RUNS.decode(memoryview(content)[_CRC_BYTES:])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise CorruptError(where, f"the runs do not decode: {error}") from error
    if not indexed or indexed[-1].last_sequence != last_sequence:
        raise CorruptError(where, "holds other events")
    return [
        (Run(entity, run.last_sequence, run.count, run.position, 0, len(run.content), run.crc), run.content)
        for run in indexed
    ]


def _fits(pieces: Sequence[IndexedRun], piece: IndexedRun) -> bool:
    if stretch_of(pieces[0].last_sequence) != stretch_of(piece.last_sequence):
        return False
    return sum(len(one.content) for one in pieces) < ROW_BYTES


def _closed(entity: str, pieces: Sequence[IndexedRun]) -> EntityRow:
    packed = _ENCODER.encode(pieces)
    last = pieces[-1]
    content = crc32(packed).to_bytes(_CRC_BYTES, "big") + packed
    return EntityRow(entity, last.last_sequence, last.position + last.count - 1, content)


def _pieces(run: Run, content: bytes) -> Iterator[IndexedRun]:
    """The run, cut at the borders of stretches."""
    first = run.last_sequence - run.count + 1
    if stretch_of(first) == stretch_of(run.last_sequence):
        yield IndexedRun(run.last_sequence, run.count, run.position, run.crc, content)
        return
    # The checksum of the commit was verified, so this decodes. 0xdd: an array with a length of four bytes.
    events = [bytes(raw) for raw in _RAW_EVENTS.decode(b"\xdd" + run.count.to_bytes(4, "big") + content)]
    at = 0
    while at < run.count:
        room = STRETCH_EVENTS - (first + at) % STRETCH_EVENTS
        part = events[at : at + room]
        cut = b"".join(part)
        yield IndexedRun(first + at + len(part) - 1, len(part), run.position + at, crc32(cut), cut)
        at += len(part)
