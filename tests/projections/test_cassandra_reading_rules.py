"""What the read side over Cassandra does when tables change under it, or do not answer."""

from __future__ import annotations

import threading

import pytest
from kinelog.cassandra_session.connection import Access, Row, Statement, Value
from kinelog.cassandra_session.errors import MissingTableError, UnreachableError
from kinelog.projections.cassandra.live_generations import CACHE_S, LiveGenerations
from kinelog.projections.cassandra.read_side import CassandraReadSide
from kinelog.projections.cassandra.registry import Document, Registered, Registry
from kinelog.projections.errors import ViewsUnavailableError
from kinelog.projections.views import ALL_VIEWS
from typing_extensions import override

from tests.projections.cassandra_floor import empty_tables
from tests.projections.gym_floor import GYM, NOON_MS, TENANT
from tests.projections.timestamped_tables import TimestampedTables
from tests.projections.traced_connection import TracedConnection

_MOVE = Statement(
    "INSERT INTO {views}.offsets (view_name, generation, shard, position) VALUES (?, ?, ?, ?) USING TIMESTAMP ?",
    Access.WRITE,
)


class AnsweringConnection(TracedConnection):
    """Passes everything on but reads that are told what to answer."""

    def __init__(self, inner: TimestampedTables) -> None:
        super().__init__(inner)
        self.asked: list[str] = []
        self.missing: set[str] = set()
        self.trouble: Exception | None = None
        self.gate: threading.Event | None = None

    @override
    def ask(self, statement: Statement, values: tuple[Value, ...] = ()) -> list[Row]:
        if self.gate is not None:
            assert self.gate.wait(30)
        if self.trouble is not None:
            raise self.trouble
        table = statement.cql.split("FROM {views}.")[1].split(" ")[0]
        self.asked.append(table)
        if table in self.missing:
            raise MissingTableError(f"unconfigured table {table}")
        return self.inner.ask(statement, values) if table in {"registry", "offsets"} else []


def registered(generation: int, state: str = "live") -> tuple[Registered, ...]:
    return tuple(Registered(view.name, view.version, generation, "test", state, ()) for view in ALL_VIEWS)


def register(tables: TimestampedTables, generations: tuple[Registered, ...]) -> None:
    Registry(tables).change(
        lambda document: None if document.generations == generations else Document(generations=generations)
    )


@pytest.fixture
def tables() -> TimestampedTables:
    return empty_tables()


@pytest.fixture
def connection(tables: TimestampedTables) -> AnsweringConnection:
    return AnsweringConnection(tables)


@pytest.fixture
def side(connection: AnsweringConnection) -> CassandraReadSide:
    return CassandraReadSide(connection, 3, lambda: NOON_MS)


def test_without_views_it_says_what_makes_them(side: CassandraReadSide) -> None:
    assert side.as_of() == {}
    with pytest.raises(ViewsUnavailableError, match="kinelog project"):
        side.session(TENANT, "x")


def test_tables_of_another_version_are_not_read(tables: TimestampedTables, side: CassandraReadSide) -> None:
    newer = tuple(Registered(view.name, view.version + 1, 1, "test", "live", ()) for view in ALL_VIEWS)
    register(tables, newer)
    with pytest.raises(ViewsUnavailableError, match="version"):
        side.session(TENANT, "x")


def test_a_table_that_is_gone_makes_it_look_for_the_live_generation_at_once(
    tables: TimestampedTables, connection: AnsweringConnection, side: CassandraReadSide
) -> None:
    register(tables, registered(1))
    side.session(TENANT, "x")
    register(tables, registered(2))
    connection.missing = {"sessions_by_id_1"}
    connection.asked.clear()
    assert side.session(TENANT, "x") == []
    assert connection.asked == ["sessions_by_id_1", "registry", "sessions_by_id_2"]


def test_a_table_that_stays_gone_is_an_error_that_says_what_to_do(
    tables: TimestampedTables, connection: AnsweringConnection, side: CassandraReadSide
) -> None:
    register(tables, registered(1))
    connection.missing = {"sessions_by_id_1"}
    with pytest.raises(ViewsUnavailableError, match="kinelog schema apply"):
        side.session(TENANT, "x")


def test_a_cluster_that_does_not_answer_is_no_answer(connection: AnsweringConnection, side: CassandraReadSide) -> None:
    connection.trouble = UnreachableError("no node is known to be up")
    for question in (side.as_of, side.parked, lambda: side.training_now(TENANT, GYM), lambda: side.labels(TENANT)):
        with pytest.raises(ViewsUnavailableError, match="no node is known to be up"):
            question()


def test_every_shard_is_as_far_as_the_slowest_view(tables: TimestampedTables, side: CassandraReadSide) -> None:
    register(tables, registered(1))
    for number, view in enumerate(ALL_VIEWS):
        tables.write_all([[(_MOVE, (view.name, 1, 0, 50 + number, 1))]])
        if number:
            tables.write_all([[(_MOVE, (view.name, 1, 1, 7, 1))]])
    assert side.as_of() == {0: 50, 1: 0, 2: 0}


def test_the_registry_is_read_again_when_it_is_old_and_never_goes_back(tables: TimestampedTables) -> None:
    now = 0.0
    register(tables, registered(1))
    live = LiveGenerations(Registry(tables), lambda: now)
    first = live.revision()
    register(tables, registered(2))
    assert live.revision() is first
    now = CACHE_S + 0.001
    assert live.revision().document.generations == registered(2)


def test_closing_waits_for_the_question_that_is_being_answered(
    tables: TimestampedTables, connection: AnsweringConnection, side: CassandraReadSide
) -> None:
    register(tables, registered(1))
    connection.gate = threading.Event()
    answers: list[object] = []
    asking = threading.Thread(target=lambda: answers.append(side.as_of()))
    asking.start()
    while not side._asked:
        pass
    closed = threading.Event()

    def close() -> None:
        side.close()
        closed.set()

    closing = threading.Thread(target=close)
    closing.start()
    while not side._closed:
        pass
    assert not closed.is_set()
    connection.gate.set()
    asking.join(30)
    closing.join(30)
    assert closed.is_set()
    assert answers == [{0: 0, 1: 0, 2: 0}]
    with pytest.raises(ViewsUnavailableError, match="closed"):
        side.as_of()
