"""What is in one session: its sets, its samples put together with their clocks, the frames kept aside."""

from __future__ import annotations

from collections.abc import Iterator

from kinelog.cassandra_session.connection import Row
from kinelog.projections.cassandra.columns import blob, number, text
from kinelog.projections.cassandra.layouts.rejects_by_session import NO_OFFSET, REJECTS_BY_SESSION
from kinelog.projections.cassandra.layouts.samples_by_session import (
    CLOCKS_BY_SESSION,
    NO_DURATION,
    RUNS,
    SAMPLE_PARTS,
    SAMPLES_BY_SESSION,
    part_of,
)
from kinelog.projections.cassandra.layouts.sets_by_session import SAID, SETS_BY_SESSION
from kinelog.projections.cassandra.question import Question
from kinelog.projections.fold import Names
from kinelog.projections.rows import RejectRow, SampleRow, SetRow
from kinelog.projections.sample_times import SampleClocks
from kinelog.projections.views import sets_by_session
from kinelog.projections.views.samples_by_session import StoredClock, StoredSamples
from kinelog.projections.views.sets_by_session import StoredSet

MORE_PIECES = 4
"""Rows of samples read at a time when a page needs a look beyond its last row."""

_SESSION = "tenant = ? AND person = ? AND session = ?"
_SET = "number, version, start_ms, end_ms, source, deleted, said"
_REJECT = "device, sequence, day, error, byte_offset, detail, size, at_ms"
_CLOCK = "device, kind, location, rate_hz, resolution_ms, full_samples, full_ms, longest_ms, runs"
_PIECE = (
    "start_ms, device, sequence, part, kind, location, format, rate_hz, first_sample, count, block_count, duration_ms,"
    " samples"
)
_PIECES_FROM = f"{_SESSION} AND ten_minutes = ? AND (start_ms) >= (?) AND (start_ms) < (?) LIMIT ?"
_PIECES_BEHIND = (
    f"{_SESSION} AND ten_minutes = ? AND (start_ms, device, sequence, part) > (?, ?, ?, ?) AND (start_ms) < (?) LIMIT ?"
)


def sets_of(question: Question, names: Names) -> list[SetRow]:
    """Sets by number."""
    return [_set(names, row) for row in question.rows(SETS_BY_SESSION, _SET, _SESSION, names)]


def rejects_of(question: Question, names: Names, limit: int) -> list[RejectRow]:
    """Frames kept aside, oldest first."""
    found = question.rows(REJECTS_BY_SESSION, _REJECT, f"{_SESSION} LIMIT ?", (*names, limit))
    return [_reject(names, row) for row in found]


def samples_of(question: Question, names: Names, low: int, high: int, limit: int) -> list[SampleRow]:
    """The first rows of samples that start in `[low, high)`."""
    clocks = SampleClocks(_clock(names, row) for row in question.rows(CLOCKS_BY_SESSION, _CLOCK, _SESSION, names))
    return clocks.rows_between(_pieces(question, names, clocks.earliest(low), high, limit + 1), low, high, limit)


def _pieces(question: Question, names: Names, first_ms: int, high: int, wanted: int) -> Iterator[StoredSamples]:
    """Stored samples by their start. As many are read at first as are wanted; more only if more are taken."""
    parts = question.rows(
        SAMPLE_PARTS,
        "ten_minutes",
        f"{_SESSION} AND ten_minutes >= ? AND ten_minutes <= ?",
        (*names, part_of(first_ms), part_of(high)),
    )
    for (part,) in parts:
        where: str = _PIECES_FROM
        place: Row = (first_ms,)
        while True:
            room = wanted if wanted > 0 else MORE_PIECES
            found = question.rows(SAMPLES_BY_SESSION, _PIECE, where, (*names, part, *place, high, room))
            for row in found:
                yield _piece(names, row)
            wanted -= len(found)
            if len(found) < room:
                break
            where, place = _PIECES_BEHIND, found[-1][:4]


def _set(names: Names, row: Row) -> SetRow:
    said = SAID.unpack(row[6])
    return sets_by_session.row_of(
        StoredSet(
            entity="/".join(names),
            number=number(row[0]),
            version=number(row[1]),
            start_ms=number(row[2]),
            end_ms=number(row[3]),
            detected=said.detected,
            corrected=said.corrected,
            source=text(row[4]),
            corrected_by=said.corrected_by,
            confidence=said.confidence,
            deleted=int(bool(row[5])),
        )
    )


def _reject(names: Names, row: Row) -> RejectRow:
    offset = number(row[4])
    return RejectRow(
        session=names.session,
        device=text(row[0]),
        sequence=number(row[1]),
        day=text(row[2]),
        error=text(row[3]),
        offset=None if offset == NO_OFFSET else offset,
        detail=text(row[5]),
        size=number(row[6]),
        at_ms=number(row[7]),
    )


def _clock(names: Names, row: Row) -> StoredClock:
    return StoredClock(
        entity="/".join(names),
        device=text(row[0]),
        kind=text(row[1]),
        location=text(row[2]),
        rate_hz=number(row[3]),
        resolution_ms=number(row[4]),
        full_samples=number(row[5]),
        full_ms=number(row[6]),
        longest_ms=number(row[7]),
        runs=RUNS.unpack(row[8]),
    )


def _piece(names: Names, row: Row) -> StoredSamples:
    duration_ms = number(row[11])
    return StoredSamples(
        entity="/".join(names),
        start_ms=number(row[0]),
        device=text(row[1]),
        sequence=number(row[2]),
        part=number(row[3]),
        kind=text(row[4]),
        location=text(row[5]),
        format=text(row[6]),
        rate_hz=number(row[7]),
        offset=number(row[8]),
        count=number(row[9]),
        block_count=number(row[10]),
        duration_ms=None if duration_ms == NO_DURATION else duration_ms,
        samples=blob(row[12]),
    )
