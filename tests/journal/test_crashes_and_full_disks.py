"""kill -9, no room, locked files and failed syncs: no acknowledged commit is lost, no refused one is stored."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from kinelog.journal import entity_index, sqlite_writer
from kinelog.journal.errors import (
    FencedError,
    IncompatibleStoreError,
    StorageFullError,
    UnavailableError,
    UnknownOutcomeError,
)
from kinelog.journal.records import Outcome
from kinelog.journal.sqlite_file import connect
from kinelog.journal.sqlite_inspection import verify_file
from kinelog.journal.sqlite_journal import SqliteJournal
from kinelog.journal.sqlite_transaction import Transaction
from kinelog.journal.sqlite_writer import SqliteWriter, Write

from tests.journal.contract import commits_of, new_id
from tests.journal.stored_events import person_in, snapshot, some, stored

SHARD = 1
ENTITY = person_in(SHARD, 16).persistence_id


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log" / "journal.db"


@pytest.fixture
def journal(path: Path) -> Iterator[SqliteJournal]:
    opened = SqliteJournal(path)
    yield opened
    opened.close()


def started(path: Path, event_bytes: int, file_bytes: int = 0) -> subprocess.Popen[str]:
    script = Path(__file__).with_name("committing_process.py")
    arguments = [str(argument) for argument in (path, SHARD, event_bytes, file_bytes)]
    return subprocess.Popen(
        [sys.executable, script, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )


def assert_stored(path: Path, acknowledged: list[tuple[int, bytes]]) -> None:
    """Everything acknowledged is in a sound log, in its place and once."""
    assert verify_file(path, lambda _events: None).sound
    journal = SqliteJournal(path)
    log = journal.read(SHARD, 0, 1_000_000)
    connection = sqlite3.connect(path)
    ids = dict(connection.execute("SELECT first, commit_id FROM commits"))
    connection.close()
    assert [item.event.sequence for item in log] == list(range(1, len(log) + 1))
    assert list(journal.replay(ENTITY)) == log
    for last, commit_id in acknowledged:
        assert ids[last - 2] == commit_id
    journal.close()


def test_a_killed_process_loses_nothing_that_it_acknowledged(path: Path) -> None:
    choice = random.Random(7)
    acknowledged: list[tuple[int, bytes]] = []
    for _ in range(6):
        process = started(path, event_bytes=400)
        assert process.stdout is not None
        heard = choice.randrange(1, 60)
        acknowledged += [parsed(process.stdout.readline()) for _ in range(heard)]
        process.kill()
        # What it said between the last line that was read and its death counts as well.
        acknowledged += [parsed(line) for line in process.communicate()[0].splitlines() if len(line.split()) == 2]
        assert_stored(path, acknowledged)


def test_a_disk_without_room_refuses_and_takes_commits_again_when_there_is_room(path: Path) -> None:
    process = started(path, event_bytes=3_000, file_bytes=400_000)
    assert process.stdout is not None
    lines = []
    while (line := process.stdout.readline().strip()) != "full":
        assert line, process.poll()
        lines.append(line)
    output, _ = process.communicate("\n", timeout=60)
    assert process.returncode == 0
    assert len(output.splitlines()) == 10
    acknowledged = [parsed(line) for line in [*lines, *output.splitlines()]]
    assert_stored(path, acknowledged)
    journal = SqliteJournal(path)
    # Nothing that was refused is there: the log ends with what was acknowledged last.
    assert journal.head(SHARD) == acknowledged[-1][0] == 3 * len(acknowledged)
    journal.close()


def parsed(line: str) -> tuple[int, bytes]:
    last, commit_id = line.split()
    return int(last), bytes.fromhex(commit_id)


@pytest.fixture
def limit_pages(journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Set how many pages the log's file may grow by from now on."""
    connections: list[sqlite3.Connection] = []
    plain = SqliteWriter._connect

    def remembered(writer: SqliteWriter) -> sqlite3.Connection:
        connections.append(plain(writer))
        return connections[-1]

    monkeypatch.setattr(SqliteWriter, "_connect", remembered)

    def limit(pages: int) -> None:
        def within(transaction: Transaction) -> None:
            connection = transaction.connection
            (now,) = connection.execute("PRAGMA page_count").fetchone()
            connection.execute(f"PRAGMA max_page_count = {now + pages}")

        journal._writer.run(Write(within))

    return limit


def test_a_commit_that_finds_no_room_leaves_nothing_and_the_next_works(
    journal: SqliteJournal, limit_pages: Callable[[int], None]
) -> None:
    owner = journal.acquire(SHARD, "a")
    limit_pages(3)
    with pytest.raises(StorageFullError):
        journal.commit(SHARD, owner.epoch, 0, new_id(), [stored(ENTITY, 1, bytes(50_000))])
    assert journal.read(SHARD, 0, 10) == []
    assert journal.owns(SHARD, owner.epoch)
    assert journal.commit(SHARD, owner.epoch, 0, new_id(), some(ENTITY, 1)) == 1
    limit_pages(1_000)
    assert journal.commit(SHARD, owner.epoch, 1, new_id(), [stored(ENTITY, 2, bytes(50_000))]) == 2


class Group:
    """Writes that are sure to be in one group: the writer is held until all of them wait."""

    def __init__(self, journal: SqliteJournal) -> None:
        self._journal = journal
        self._busy, self._go = threading.Event(), threading.Event()

    def run(self, calls: list[Callable[[], int]]) -> list[int | BaseException]:
        with ThreadPoolExecutor(len(calls) + 1) as pool:
            holder = pool.submit(self._journal._writer.run, Write(self._hold))
            assert self._busy.wait(30)
            futures = []
            for call in calls:
                futures.append(pool.submit(call))
                while self._journal._writer._waiting.qsize() < len(futures):
                    assert not futures[-1].done()
            self._go.set()
            holder.result()
            return [future.exception() or future.result() for future in futures]

    def _hold(self, _transaction: Transaction) -> None:
        self._busy.set()
        assert self._go.wait(30)


def commit_to(journal: SqliteJournal, shard: int, epoch: int, size: int = 10) -> Callable[[], int]:
    event = stored(person_in(shard, 16).persistence_id, 1, bytes(size))
    return lambda: journal.commit(shard, epoch, 0, new_id(), [event])


def test_commits_that_wait_together_share_one_transaction(
    journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    epochs = [journal.acquire(shard, "a").epoch for shard in range(8)]
    ends: list[str] = []
    end = SqliteWriter._end

    def counted(writer: SqliteWriter, connection: sqlite3.Connection, how: str) -> None:
        ends.append(how)
        end(writer, connection, how)

    monkeypatch.setattr(SqliteWriter, "_end", counted)
    answers = Group(journal).run([commit_to(journal, shard, epoch) for shard, epoch in enumerate(epochs)])
    assert answers == [1] * 8
    assert ends == ["COMMIT", "COMMIT"]  # the holder's and everybody's


def test_a_fenced_commit_does_not_fail_its_neighbours(journal: SqliteJournal) -> None:
    epochs = [journal.acquire(shard, "a").epoch for shard in range(4)]
    journal.acquire(2, "b")
    answers = Group(journal).run([commit_to(journal, shard, epoch) for shard, epoch in enumerate(epochs)])
    assert [answer for answer in answers if answer == 1] == [1, 1, 1]
    assert isinstance(answers[2], FencedError)
    assert [journal.head(shard) for shard in range(4)] == [1, 1, 0, 1]


def test_a_commit_without_room_does_not_fail_its_neighbours(
    journal: SqliteJournal, limit_pages: Callable[[int], None]
) -> None:
    epochs = [journal.acquire(shard, "a").epoch for shard in range(3)]
    limit_pages(4)
    sizes = (10, 60_000, 10)
    answers = Group(journal).run([commit_to(journal, shard, epochs[shard], sizes[shard]) for shard in range(3)])
    assert isinstance(answers[1], StorageFullError)
    assert (answers[0], answers[2]) == (1, 1)
    assert [journal.head(shard) for shard in range(3)] == [1, 0, 1]


def test_two_commits_of_one_owner_that_wait_together_do_not_both_get_the_place(journal: SqliteJournal) -> None:
    epoch = journal.acquire(SHARD, "a").epoch
    answers = Group(journal).run([commit_to(journal, SHARD, epoch), commit_to(journal, SHARD, epoch)])
    assert answers[0] == 1
    assert isinstance(answers[1], FencedError)


@pytest.mark.parametrize("applied", [True, False])
def test_a_failed_sync_is_an_unknown_outcome_that_the_next_owner_can_judge(
    journal: SqliteJournal,
    monkeypatch: pytest.MonkeyPatch,
    applied: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    owner = journal.acquire(SHARD, "a")
    end = SqliteWriter._end

    def failing(writer: SqliteWriter, connection: sqlite3.Connection, how: str) -> None:
        if applied:
            end(writer, connection, how)
        monkeypatch.setattr(SqliteWriter, "_end", end)
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
        raise error

    monkeypatch.setattr(SqliteWriter, "_end", failing)
    commit_id = new_id()
    with pytest.raises(UnknownOutcomeError):
        journal.commit(SHARD, owner.epoch, 0, commit_id, some(ENTITY, 2))
    again = journal.acquire(SHARD, "a")
    expected = Outcome(applied=True, first=1, last=2) if applied else Outcome(applied=False)
    assert journal.outcome(SHARD, owner.epoch, 0, commit_id) == expected
    assert again.head == (2 if applied else 0)
    assert journal.commit(SHARD, again.epoch, again.head, new_id(), some(ENTITY, 1, after=again.head)) == again.head + 1


def test_a_file_that_another_process_keeps_locked_is_unavailable_for_a_bounded_time(path: Path) -> None:
    journal = SqliteJournal(path, busy_ms=50)
    owner = journal.acquire(SHARD, "a")
    other = connect(path, 50)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(UnavailableError):
        journal.commit(SHARD, owner.epoch, 0, new_id(), some(ENTITY, 1))
    assert journal.head(SHARD) == 0
    other.execute("ROLLBACK")
    other.close()
    assert journal.commit(SHARD, owner.epoch, 0, new_id(), some(ENTITY, 1)) == 1
    journal.close()


def test_upkeep_that_fails_costs_no_commit_and_comes_again(
    journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_writer, "INDEX_EVENTS", 10)
    monkeypatch.setattr(sqlite_writer, "CHECKPOINT_BYTES", 1)
    extend = entity_index.extend
    failures: list[int] = []

    def failing(connection: sqlite3.Connection, shard: int, up_to: int) -> None:
        if len(failures) < 2:
            failures.append(up_to)
            raise sqlite3.OperationalError("no room")
        extend(connection, shard, up_to)

    monkeypatch.setattr(entity_index, "extend", failing)
    written = commits_of(journal, SHARD, (5,) * 12, people=1)
    assert failures == [10, 20]
    assert list(journal.replay(ENTITY)) == written
    journal.close()
    connection = sqlite3.connect(journal.path)
    indexed = connection.execute("SELECT position FROM index_progress WHERE shard = ?", (SHARD,)).fetchone()
    connection.close()
    assert indexed == (60,)
    assert verify_file(journal.path, lambda _events: None).sound


def test_the_write_ahead_log_stays_small_however_much_is_written(
    journal: SqliteJournal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_writer, "CHECKPOINT_BYTES", 100_000)
    owner = journal.acquire(SHARD, "a")
    for head in range(200):
        journal.commit(SHARD, owner.epoch, head, new_id(), [stored(ENTITY, head + 1, bytes(10_000))])
    assert path.with_name("journal.db-wal").stat().st_size < 600_000
    assert path.stat().st_size > 1_500_000


def test_another_number_of_shards_is_refused_with_what_to_do(path: Path) -> None:
    SqliteJournal(path, shards=4).close()
    with pytest.raises(IncompatibleStoreError, match="start with 4"):
        SqliteJournal(path, shards=8)
    reopened = SqliteJournal(path)
    assert reopened.shards == 4
    reopened.close()


def test_another_layout_is_refused(path: Path, journal: SqliteJournal) -> None:
    journal.close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE meta SET value = '99' WHERE key = 'layout'")
    connection.commit()
    connection.close()
    with pytest.raises(IncompatibleStoreError, match="layout 99"):
        SqliteJournal(path)


def test_a_closed_journal_says_so(journal: SqliteJournal) -> None:
    owner = journal.acquire(SHARD, "a")
    journal.close()
    journal.close()
    with pytest.raises(UnavailableError, match="closed"):
        journal.commit(SHARD, owner.epoch, 0, new_id(), some(ENTITY, 1))
    with pytest.raises(UnavailableError, match="closed"):
        journal.head(SHARD)


def test_events_that_could_never_be_replayed_are_refused(journal: SqliteJournal) -> None:
    epoch = journal.acquire(SHARD, "a").epoch
    with pytest.raises(ValueError, match="belongs to shard"):
        journal.commit(SHARD, epoch, 0, new_id(), some(person_in(2, 16).persistence_id, 1))
    with pytest.raises(ValueError, match="sequence 3 follows 1"):
        journal.commit(SHARD, epoch, 0, new_id(), [stored(ENTITY, 1), stored(ENTITY, 3)])
    with pytest.raises(ValueError, match="at least one"):
        journal.commit(SHARD, epoch, 0, new_id(), [])
    with pytest.raises(ValueError, match="shards 0 to 15"):
        journal.acquire(16, "a")
    assert journal.head(SHARD) == 0


def test_a_damaged_snapshot_is_left_out(journal: SqliteJournal, path: Path) -> None:
    older, newer = snapshot(ENTITY, 100), snapshot(ENTITY, 200)
    journal.save_snapshot(older)
    journal.save_snapshot(newer)
    connection = sqlite3.connect(path.with_name("snapshots.db"))
    connection.execute("UPDATE snapshots SET content = zeroblob(length(content)) WHERE sequence = 200")
    connection.commit()
    connection.close()
    assert journal.snapshots(ENTITY) == [older]


def test_snapshots_of_another_incarnation_are_thrown_away(journal: SqliteJournal, path: Path) -> None:
    journal.save_snapshot(snapshot(ENTITY, 1))
    journal.close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE meta SET value = 'another' WHERE key = 'incarnation'")
    connection.commit()
    connection.close()
    again = SqliteJournal(path)
    assert again.snapshots(ENTITY) == []
    again.close()


def test_a_missing_event_in_one_stream_is_found_by_its_replay(journal: SqliteJournal) -> None:
    epoch = journal.acquire(SHARD, "a").epoch
    journal.commit(SHARD, epoch, 0, new_id(), some(ENTITY, 2))
    journal.commit(SHARD, epoch, 2, new_id(), some(ENTITY, 2, after=3))
    replayed = journal.replay(ENTITY)
    assert [next(replayed).event.sequence, next(replayed).event.sequence] == [1, 2]
    with pytest.raises(Exception, match="#4 stands in its place"):
        next(replayed)
