"""A destination that cannot be told apart from a mistake is refused, says what to do, and is left as it was."""

from __future__ import annotations

import pytest
from kinelog.journal.copy_mark import CopyRefusedError, MemoryCopyMarks
from kinelog.journal.copying import LogCopy
from kinelog.journal.memory_journal import MemoryJournal
from kinelog.journal.port import Journal

from tests.journal.contract import new_id
from tests.journal.copied_logs import CrashError, CrashingJournal, copy_round, grown, log_of
from tests.journal.stored_events import person_in, some


class TestRefused:
    """What cannot be told apart from a mistake is refused, and says what to do; nothing is written."""

    def test_a_destination_with_events_that_is_no_copy(self) -> None:
        other = grown(4, 5, 7).journal
        before = log_of(other)
        with pytest.raises(CopyRefusedError, match="no copy: name an empty folder"):
            copy_round(grown().journal, other, MemoryCopyMarks())
        assert log_of(other) == before

    def test_another_source(self) -> None:
        destination, marks = MemoryJournal(4), MemoryCopyMarks()
        copy_round(grown().journal, destination, marks)
        with pytest.raises(CopyRefusedError, match="is a copy of the log"):
            copy_round(grown().journal, destination, marks)

    def test_a_source_that_was_put_back(self) -> None:
        source, destination, marks = grown(), MemoryJournal(4), MemoryCopyMarks()
        copy_round(source.journal, destination, marks)
        older = grown(4, 20)
        older.journal.incarnation = source.journal.incarnation
        with pytest.raises(CopyRefusedError, match="older state"):
            copy_round(older.journal, destination, marks)

    def test_the_same_log(self) -> None:
        source = grown().journal
        with pytest.raises(CopyRefusedError, match="same log"):
            copy_round(source, source, MemoryCopyMarks())

    def test_a_copy_that_has_got_events_of_its_own(self) -> None:
        source, destination, marks = grown(), MemoryJournal(4), MemoryCopyMarks()
        copy_round(source.journal, destination, marks)
        write_to(destination)
        source.grow(5)
        with pytest.raises(CopyRefusedError, match="events of its own"):
            copy_round(source.journal, destination, marks)

    @pytest.mark.parametrize("shards", [4, 6])
    def test_an_unfinished_copy_that_somebody_else_wrote_to(self, shards: int) -> None:
        source, destination, marks = grown(), CrashingJournal(shards, 1), MemoryCopyMarks()
        destination.left = 5
        with pytest.raises(CrashError):
            copy_round(source.journal, destination, marks)
        destination.left = 1 << 60
        write_to(destination)
        with pytest.raises(CopyRefusedError, match="somebody else wrote"):
            copy_round(source.journal, destination, marks)

    def test_two_copies_at_once(self) -> None:
        source, destination, marks = grown(), MemoryJournal(4), MemoryCopyMarks()
        one, other = LogCopy(source.journal, destination, marks), LogCopy(source.journal, destination, marks)
        mark = one.begin()
        other.run(other.begin(), lambda _events: None)
        with pytest.raises(CopyRefusedError, match="another copy"):
            one.run(mark, lambda _events: None)
        assert log_of(destination) == log_of(source.journal)


def write_to(journal: Journal) -> None:
    """One event of somebody who was never there."""
    entity = person_in(0, journal.shards, 77).persistence_id
    owner = journal.acquire(0, "service")
    journal.commit(0, owner.epoch, owner.head, new_id(), some(entity, 1))
