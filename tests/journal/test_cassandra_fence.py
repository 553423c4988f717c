"""The fence on a real Cassandra: what the server answers, lost answers, clocks, threads, and who else opens the log."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import kinelog.journal.cassandra
import pytest
from kinelog.actors.answers import Accepted
from kinelog.actors.region import Region
from kinelog.actors.settings import RegionSettings
from kinelog.cassandra_session.connection import Access, Connection, Statement
from kinelog.cassandra_session.errors import (
    CassandraError,
    RefusedStatementError,
    UnknownWriteError,
    UnreachableError,
)
from kinelog.domain import commands as ask
from kinelog.domain.identifiers import Person
from kinelog.journal.cassandra import statements
from kinelog.journal.cassandra.log_identity import identify
from kinelog.journal.cassandra.requests import ReadBucket, ReadRow, Reply, Request
from kinelog.journal.cassandra.statements import APPEND, APPEND_AND_SEAL, OPEN_BUCKET, RAISE_EPOCH
from kinelog.journal.errors import FencedError, IncompatibleStoreError, UnavailableError, UnknownOutcomeError
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.records import Acquired, Outcome
from kinelog.privacy.key_store import KeyStore
from typing_extensions import override

from tests.cassandra.cql import CqlSession
from tests.cassandra.shared_node import SharedNode
from tests.journal.cassandra_store import CassandraStore, ClosingJournal, cassandra_store
from tests.journal.contract import commits_of, entity_in, new_id
from tests.journal.fence_interleaving import Interleaving
from tests.journal.fence_table import FenceTable
from tests.journal.stored_events import some
from tests.journal.test_fence import explore
from tests.journal.watched_connection import WatchedConnection

pytestmark = pytest.mark.cassandra

TINY = 2_000
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def store(cassandra_node: SharedNode, cassandra_session: CqlSession) -> Iterator[CassandraStore]:
    """A store for all tests of this file, each of which has shards of its own."""
    with cassandra_store(cassandra_node, cassandra_session, TINY) as made:
        yield made


def watched(store: CassandraStore) -> tuple[ClosingJournal, WatchedConnection]:
    connections: list[WatchedConnection] = []

    def between(inner: Connection) -> Connection:
        connections.append(WatchedConnection(inner))
        return connections[-1]

    return store.open(between=between), connections[0]


# ── what the server does ─────────────────────────────────────────────────────────────────────────────────────────────


class BesideTheCluster(FenceTable):
    """The model of the table, and the real one, which has to answer the same to every request."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection
        self.asked = 0

    @override
    def apply(self, request: Request) -> Reply:
        expected = super().apply(request)
        assert self._real(request) == expected, request
        self.asked += 1
        return expected

    def _real(self, request: Request) -> Reply:
        statement, values = statements.bound(request)
        if isinstance(request, ReadBucket | ReadRow):
            return statements.reply_of_read(request, self._connection.ask(statement, values))
        return self._connection.conditional(statement, values).applied


def test_the_real_table_answers_as_the_model_of_it_that_all_interleavings_were_tried_on(store: CassandraStore) -> None:
    connection = store.connect()
    try:
        table = BesideTheCluster(connection)
        for seed in range(6):
            explore(seed, shard=Interleaving(table=table, shard=1_000 + seed))
        assert table.asked > 600
        assert len(table.buckets) > 20
    finally:
        connection.close()


# ── lost answers ─────────────────────────────────────────────────────────────────────────────────────────────────────


def losing(*which: Statement) -> Callable[[Statement], CassandraError | None]:
    return lambda statement: UnknownWriteError("no answer") if statement in which else None


@pytest.mark.parametrize("applied", [True, False])
def test_a_commit_without_an_answer_is_judged_by_its_id_under_a_new_epoch(store: CassandraStore, applied: bool) -> None:  # noqa: FBT001
    journal, connection = watched(store)
    shard = 0 if applied else 1
    entity = entity_in(journal, shard)
    first = journal.acquire(shard, "a")
    connection.fails, connection.applied = losing(APPEND, APPEND_AND_SEAL), applied
    commit_id = new_id()
    with pytest.raises(UnknownOutcomeError):
        journal.commit(shard, first.epoch, 0, commit_id, some(entity, 2))
    connection.fails = losing()
    again = journal.acquire(shard, "a")
    assert again == Acquired(first.epoch + 1, 2 if applied else 0)
    expected = Outcome(applied=True, first=1, last=2) if applied else Outcome(applied=False)
    assert journal.outcome(shard, first.epoch, 0, commit_id) == expected
    assert journal.commit(shard, again.epoch, again.head, new_id(), some(entity, 1, after=again.head)) == again.head + 1


@pytest.mark.parametrize("lost", [OPEN_BUCKET, RAISE_EPOCH])
def test_an_acquisition_without_an_answer_is_made_again_and_never_believed(
    store: CassandraStore, lost: Statement
) -> None:
    journal, connection = watched(store)
    shard = 2 if lost is OPEN_BUCKET else 3
    before = 0 if lost is OPEN_BUCKET else journal.acquire(shard, "a").epoch
    connection.fails = losing(lost)
    with pytest.raises(UnknownOutcomeError):
        journal.acquire(shard, "a")
    connection.fails = losing()
    assert not journal.owns(shard, before)
    assert journal.acquire(shard, "a").epoch == before + 2


def test_an_owner_that_forgot_that_it_had_filled_its_bucket_goes_on_in_the_next(store: CassandraStore) -> None:
    journal = store.open()
    entity = entity_in(journal, 4)
    owner = journal.acquire(4, "a")
    journal.commit(4, owner.epoch, 0, new_id(), some(entity, 20))
    again = store.open()
    assert again.owns(4, owner.epoch)
    assert again.commit(4, owner.epoch, 20, new_id(), some(entity, 3, after=20)) == 23
    with pytest.raises(FencedError):
        journal.commit(4, owner.epoch, 20, new_id(), some(entity, 3, after=20))
    assert [item.position for item in journal.read(4, 0, 100)] == list(range(1, 24))


@pytest.mark.parametrize("failure", [UnreachableError("no node"), RefusedStatementError("too large")])
def test_what_was_not_written_is_said_not_to_be(store: CassandraStore, failure: CassandraError) -> None:
    journal, connection = watched(store)
    shard = 5 if isinstance(failure, UnreachableError) else 6
    owner = journal.acquire(shard, "a")
    connection.fails, connection.applied = lambda _: failure, False
    entity = entity_in(journal, shard)
    with pytest.raises(UnavailableError):
        journal.commit(shard, owner.epoch, 0, new_id(), some(entity, 1))
    with pytest.raises(UnavailableError):
        journal.acquire(shard, "b")
    connection.fails = losing()
    assert journal.commit(shard, owner.epoch, 0, new_id(), some(entity, 1)) == 1


# ── clocks ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_acknowledged_is_lost_or_doubled_by_owners_whose_clocks_are_twenty_seconds_apart(
    store: CassandraStore,
) -> None:
    def clock(ahead_s: int) -> Callable[[], int]:
        return lambda: time.time_ns() // 1_000 + ahead_s * 1_000_000

    journals = [store.open(clock_us=clock(ahead_s)) for ahead_s in (-10, 10, 0)]
    shard = 7
    entity = entity_in(journals[0], shard)
    acknowledged: dict[bytes, int] = {}
    barrier = threading.Barrier(len(journals))

    def race(journal: ClosingJournal) -> None:
        barrier.wait()
        for _ in range(6):
            owner = journal.acquire(shard, "racer")
            head = owner.head
            try:
                while head < owner.head + 8:
                    commit_id = new_id()
                    head = journal.commit(shard, owner.epoch, head, commit_id, some(entity, 2, after=head))
                    acknowledged[commit_id] = head
            except FencedError:
                continue

    with ThreadPoolExecutor(len(journals)) as pool:
        list(pool.map(race, journals))
    log = journals[0].read(shard, 0, 10_000)
    assert [item.position for item in log] == list(range(1, len(log) + 1))
    assert [item.event.sequence for item in log] == list(range(1, len(log) + 1))
    assert sorted(acknowledged.values()) == list(range(2, len(log) + 1, 2))
    for journal in journals:
        assert list(journal.replay(entity)) == log
        assert journal.head(shard) == len(log)


# ── conditional statements only ──────────────────────────────────────────────────────────────────────────────────────


def all_statements() -> list[Statement]:
    """Every statement that is a constant of a module of the store."""
    found = []
    for package in (kinelog.journal.cassandra,):
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            constants = vars(importlib.import_module(module.name)).values()
            found += [constant for constant in constants if isinstance(constant, Statement)]
    return found


def test_fenced_tables_are_written_by_conditional_statements_only() -> None:
    fenced = ("{log}.log ", "{log}.meta ")
    writes = [
        statement
        for statement in all_statements()
        if not statement.cql.startswith("SELECT") and any(table in statement.cql for table in fenced)
    ]
    assert len(writes) >= 5
    for statement in writes:
        assert statement.access is Access.CONDITIONAL, statement
        assert " IF " in statement.cql, statement
        assert "TIMESTAMP" not in statement.cql, statement
        assert not statement.cql.startswith("DELETE"), statement


def test_nothing_but_the_statements_of_the_fence_changes_the_table_of_the_log() -> None:
    change = re.compile(r"(INSERT INTO|UPDATE|DELETE FROM|DELETE [a-z, ]+ FROM|TRUNCATE)\s+\{log\}\.log\b")
    folders = ("actors", "api", "cassandra_session", "domain", "journal", "privacy", "projections", "service")
    changing = {
        path.relative_to(ROOT).as_posix()
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        if change.search(path.read_text())
    }
    assert changing == {"journal/cassandra/statements.py"}


def test_all_that_a_journal_sends_to_the_log_is_conditional_or_a_read(store: CassandraStore) -> None:
    journal, connection = watched(store)
    commits_of(journal, 8, (3, 20, 1, 20, 5))
    journal.acquire(8, "b")
    sent = {passed.statement for passed in connection.passed if "{log}.log " in passed.statement.cql}
    assert {APPEND, APPEND_AND_SEAL, OPEN_BUCKET, RAISE_EPOCH} <= sent
    for statement in sent:
        assert statement.cql.startswith("SELECT") or statement.access is Access.CONDITIONAL


# ── threads ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_answers_come_on_the_connections_own_thread_never_on_the_drivers(store: CassandraStore) -> None:
    journal, connection = watched(store)
    owner = journal.acquire(9, "a")
    entity = entity_in(journal, 9)
    heard: list[tuple[str, object]] = []
    done = threading.Semaphore(0)

    def hear(outcome: object) -> None:
        heard.append((threading.current_thread().name, outcome))
        done.release()

    for after in range(0, 100, 20):
        journal.commit_soon(9, owner.epoch, after, new_id(), some(entity, 20, after=after), hear)
        assert done.acquire(timeout=20)
    journal.owns_soon(9, owner.epoch, hear)
    assert done.acquire(timeout=20)
    assert [outcome for _, outcome in heard] == [20, 40, 60, 80, 100, True]
    assert {name for name, _ in heard} == connection.told == {"cassandra-answers"}


async def test_the_event_loop_never_waits_for_the_cluster(store: CassandraStore, tmp_path: Path) -> None:
    journal, connection = watched(store)
    keys = KeyStore.open(tmp_path / "keys")
    region = Region(journal, keys, EventCodec(keys), settings=RegionSettings(tick_ms=50))
    people = [Person("demo", keys.enrol("demo", f"user{number}")) for number in range(40)]
    region.start()
    try:
        for _ in range(3):
            answers = await asyncio.gather(
                *(region.ask(person, ask.RegisterUser(at_ms=time.time_ns() // 1_000_000)) for person in people)
            )
            assert all(isinstance(answer, Accepted) for answer in answers)
    finally:
        await asyncio.to_thread(region.stop)
        keys.close()
    loop_thread = threading.current_thread().name
    senders = {passed.thread for passed in connection.passed if passed.thread != loop_thread}
    opened_by_us = [passed for passed in connection.passed if passed.thread == loop_thread]
    assert senders
    assert all("meta" in passed.statement.cql for passed in opened_by_us)  # opening the journal, before the region
    waiting = {passed.thread.split("_")[0] for passed in connection.passed if passed.waits} - {loop_thread}
    assert waiting <= {"kinelog-ownership", "kinelog-recovery", "cassandra-index"}


# ── identity ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_who_disagrees_about_the_number_of_shards_is_told_what_to_do(store: CassandraStore) -> None:
    made_with = store.open().shards
    with pytest.raises(IncompatibleStoreError, match=rf"{made_with} shards, not 3.*kinelog journal copy --shards 3"):
        store.open(shards=3)
    assert store.open(shards=made_with).shards == made_with


def test_of_many_first_openers_all_agree_on_what_the_log_is(
    cassandra_node: SharedNode, cassandra_session: CqlSession
) -> None:
    with cassandra_store(cassandra_node, cassandra_session) as empty:
        connections = [empty.connect() for _ in range(4)]
        try:
            connections[0].define("TRUNCATE {log}.meta")
            with ThreadPoolExecutor(4) as pool:
                identities = set(pool.map(lambda connection: identify(connection, 8), connections))
        finally:
            for connection in connections:
                connection.close()
        assert len(identities) == 1
        assert identities.pop().shards == 8
