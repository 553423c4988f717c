"""What the log holds, read through the journal's port as any projection reads it, further on with every look."""

from __future__ import annotations

from collections import Counter

from kinelog.domain.events import FrameRecorded
from kinelog.domain.identifiers import session_of
from kinelog.projections.opening import open_events
from kinelog.service.opened_data import OpenedData

from tests.cassandra_chaos.history import Frame

PAGE_EVENTS = 2_000


class UnreadableLogError(Exception):
    """Something in the log cannot be read, or is not where it must be."""


class StoredFrames:
    """Frames by how often they were recorded."""

    def __init__(self, opened: OpenedData) -> None:
        """Nothing is read yet."""
        self.counts: Counter[Frame] = Counter()
        self._opened = opened
        self._read = dict.fromkeys(range(opened.journal.shards), 0)

    def read_on(self) -> None:
        """Read what was committed since the last look.

        Raises:
            UnreadableLogError: A position is missing or out of order, or an event cannot be opened.
            JournalError: The store does not answer; may be called again.
        """
        for shard in self._read:
            while page := self._opened.journal.read(shard, self._read[shard], PAGE_EVENTS):
                positions = [entry.position for entry in page]
                expected = list(range(self._read[shard] + 1, self._read[shard] + 1 + len(page)))
                if positions != expected:
                    raise UnreadableLogError(f"shard {shard}: {positions[:3]}… where {expected[:3]}… belong")
                for opened in open_events(self._opened.codec, page):
                    if opened.error is not None:
                        raise UnreadableLogError(f"shard {shard}, position {opened.position}: {opened.error}")
                    session = session_of(opened.entity)
                    if isinstance(opened.event, FrameRecorded) and session is not None:
                        self.counts[Frame(session, opened.event.device, opened.event.sequence)] += 1
                self._read[shard] = positions[-1]
