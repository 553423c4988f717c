"""What the log holds of what phones send, read row by row as it lies in the store, with the epochs that wrote it."""

from __future__ import annotations

from collections.abc import Iterable

from kinelog.domain.events import FrameRecorded, SetLabelled
from kinelog.domain.identifiers import session_of
from kinelog.journal.commit_row import CommitRow
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.inspection import InspectedLog
from kinelog.journal.records import Positioned
from kinelog.projections.opening import open_events

from tests.cluster_chaos.history import LABEL, Named, Stored


class UnreadableLogError(Exception):
    """An event of the log cannot be opened."""


def stored_things(log: InspectedLog, codec: EventCodec) -> list[Stored]:
    """Every frame and every label, as often as it is there.

    Raises:
        UnreadableLogError: An event cannot be opened.
        JournalError: A row is damaged, or the store does not answer.
    """
    found: list[Stored] = []
    for shard in range(log.shards):
        newest = log.newest(shard)
        if newest is not None:
            for inspected in log.rows(shard, newest.head):
                found += _of_row(inspected.row, codec)
    return found


def _of_row(row: CommitRow, codec: EventCodec) -> Iterable[Stored]:
    events = [Positioned(position, event) for position, event in enumerate(row.events(), row.first)]
    for entry, opened in zip(events, open_events(codec, events), strict=True):
        if opened.error is not None:
            raise UnreadableLogError(f"{row.where}: {opened.error}")
        session = session_of(opened.entity)
        if session is None:
            continue
        match opened.event:
            case FrameRecorded(device=device, sequence=sequence):
                named = Named(session, device, sequence)
            case SetLabelled(start_ms=start_ms):
                named = Named(session, LABEL, start_ms)
            case _:
                continue
        yield Stored(named, row.shard, entry.position, row.epoch, entry.event.schema)
