"""The connection by the driver, on a real node: consistency, threads, what errors mean; and how it is set up."""

from __future__ import annotations

import gc
import socket
import threading
from collections.abc import Iterator
from typing import NoReturn

import pytest
from cassandra.policies import FallthroughRetryPolicy
from kinelog.cassandra_session import driver_connection
from kinelog.cassandra_session.address import CassandraAddress
from kinelog.cassandra_session.connection import Access, Conditional, Row, Statement, Value
from kinelog.cassandra_session.driver_connection import DriverConnection, connect
from kinelog.cassandra_session.errors import (
    CassandraError,
    MissingTableError,
    RefusedStatementError,
    UnreachableError,
)

from tests.cassandra.cql import CqlSession
from tests.cassandra.deployment import address_of
from tests.cassandra.shared_node import SharedNode

PUT = Statement("INSERT INTO {log}.things (a, b, v) VALUES (?, ?, ?)", Access.WRITE)
GET = Statement("SELECT b, v FROM {log}.things WHERE a = ?", Access.READ)
ALL = Statement("SELECT a, b FROM {log}.things", Access.READ)
FIRST = Statement("INSERT INTO {log}.things (a, s) VALUES (?, ?) IF NOT EXISTS", Access.CONDITIONAL)
NEXT = Statement("UPDATE {log}.things SET s = ?, v = ? WHERE a = ? AND b = ? IF s = ?", Access.CONDITIONAL)
PATIENCE_S = 30


@pytest.fixture(scope="module")
def connection(cassandra_node: SharedNode, cassandra_session: CqlSession) -> Iterator[DriverConnection]:
    """A connection with a table of its own."""
    made = connect(address_of(cassandra_node.address, "t_connection"))
    replicated = "{'class': 'NetworkTopologyStrategy', 'replication_factor': 1}"
    made.define(f"CREATE KEYSPACE IF NOT EXISTS {{log}} WITH replication = {replicated}")
    made.define("CREATE TABLE {log}.things (a int, b bigint, s bigint STATIC, v blob, PRIMARY KEY (a, b))")
    yield made
    made.close()
    cassandra_session.drop_keyspaces("t_connection")


@pytest.mark.cassandra
def test_a_condition_says_whether_it_held_and_if_not_what_is_there(connection: DriverConnection) -> None:
    assert connection.conditional(FIRST, (1, 1)) == Conditional(applied=True, current={})
    again = connection.conditional(FIRST, (1, 1))
    assert (again.applied, again.current["s"]) == (False, 1)
    assert connection.conditional(NEXT, (2, b"x", 1, 5, 1)).applied
    assert connection.conditional(NEXT, (3, b"y", 1, 6, 1)) == Conditional(applied=False, current={"s": 2})


@pytest.mark.cassandra
def test_groups_and_many_statements_at_once_are_all_there_in_order(connection: DriverConnection) -> None:
    connection.write_all([[(PUT, (2, at, b"v")) for at in range(first, first + 10)] for first in range(0, 1_000, 10)])
    assert [row[0] for row in connection.ask(GET, (2,))] == list(range(1_000))
    answers = connection.ask_all([(GET, (number,)) for number in (2, 77, 2)], in_flight=2)
    assert [len(rows) for rows in answers] == [1_000, 0, 1_000]


@pytest.mark.cassandra
def test_an_answer_that_is_not_waited_for_is_whole_and_comes_on_our_own_thread(connection: DriverConnection) -> None:
    connection.write_all([[(PUT, (3, at, b""))] for at in range(5_500)])  # more than a page
    told = threading.Event()
    seen: list[tuple[object, str]] = []

    def done(answer: list[Row] | CassandraError) -> None:
        seen.append((len(answer) if isinstance(answer, list) else answer, threading.current_thread().name))
        told.set()

    connection.ask_soon(GET, (3,), done)
    assert told.wait(PATIENCE_S)
    assert seen == [(5_500, "cassandra-answers")]


@pytest.mark.cassandra
def test_traces_tell_rows_and_whether_partitions_were_scanned(connection: DriverConnection) -> None:
    connection.write_all([[(PUT, (4, at, b"")) for at in range(7)]])
    of_one = connection.traced(GET, (4,))
    assert (len(of_one.rows), of_one.live_rows, of_one.tombstones, of_one.full_scan) == (7, 7, 0, False)
    assert connection.traced(ALL).full_scan


@pytest.mark.cassandra
@pytest.mark.parametrize(
    ("statement", "values", "error"),
    [
        (Statement("SELECT a FROM {log}.nothing", Access.READ), (), MissingTableError),
        (Statement("SELEC", Access.READ), (), RefusedStatementError),
        (PUT, ("text", 1, b""), RefusedStatementError),
        (PUT, (1, 2**70, b""), RefusedStatementError),
    ],
    ids=["no table", "no statement", "wrong type", "too large"],
)
def test_what_cannot_be_done_is_refused(
    connection: DriverConnection, statement: Statement, values: tuple[Value, ...], error: type[CassandraError]
) -> None:
    with pytest.raises(error):
        connection.ask(statement, values)


def test_who_does_not_answer_is_unreachable_and_named() -> None:
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1"):
        connect(CassandraAddress(("127.0.0.1",), 1))


def test_conditional_statements_are_never_repeated_and_nothing_waits_for_an_acknowledgement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: dict[str, object] = {}

    class Noted(Exception):  # noqa: N818 - no error: it ends the attempt
        pass

    def cluster(*_hosts: object, **options: object) -> NoReturn:
        seen.update(options)
        raise Noted

    monkeypatch.setattr(driver_connection, "Cluster", cluster)
    with pytest.raises(Noted):
        connect(CassandraAddress(("127.0.0.1",)))
    profiles = seen["execution_profiles"]
    assert isinstance(profiles, dict)
    assert isinstance(profiles[Access.CONDITIONAL].retry_policy, FallthroughRetryPolicy)
    sockets = seen["sockopts"]
    assert isinstance(sockets, list)
    assert (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1) in sockets


TOGETHER = [f"CREATE TABLE IF NOT EXISTS {{log}}.together_{number} (a int PRIMARY KEY)" for number in range(20)]
MADE = Statement("SELECT table_name FROM system_schema.tables WHERE keyspace_name = 't_connection_log'", Access.READ)


def tables_together(connection: DriverConnection) -> set[str]:
    return {str(name) for (name,) in connection.ask(MADE) if str(name).startswith("together_")}


@pytest.mark.cassandra
def test_tables_that_are_made_together_are_all_there_and_one_that_fails_keeps_no_other_from_it(
    connection: DriverConnection,
) -> None:
    connection.define_all(TOGETHER)
    assert len(tables_together(connection)) == len(TOGETHER)
    connection.define_all([cql.replace("CREATE TABLE IF NOT EXISTS", "DROP TABLE").split("(")[0] for cql in TOGETHER])
    assert tables_together(connection) == set()
    with pytest.raises(RefusedStatementError):
        connection.define_all([TOGETHER[0], "CREATE TABLE {log}.together_wrong (a int)", TOGETHER[1]])
    assert tables_together(connection) == {"together_0", "together_1"}


@pytest.mark.cassandra
def test_tables_are_made_together_through_one_node(
    connection: DriverConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two nodes that make tables at the same time may never agree on what there is."""
    asked: list[object] = []
    execute_async = connection._session.execute_async

    def noted(*arguments: object, host: object, **options: object) -> object:
        asked.append(host)
        return execute_async(*arguments, host=host, **options)

    monkeypatch.setattr(connection._session, "execute_async", noted)
    connection.define_all(TOGETHER)
    assert len(asked) == len(TOGETHER)
    assert len(set(asked)) == 1
    assert asked[0] is not None


@pytest.mark.cassandra
def test_a_statement_that_two_threads_prepared_at_once_outlives_a_node_that_forgets_it(
    connection: DriverConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = "CREATE TABLE {log}.forgotten (a int PRIMARY KEY, v blob)"
    put = Statement("INSERT INTO {log}.forgotten (a, v) VALUES (?, ?)", Access.WRITE)
    connection.define(table)
    prepare, second_is_done, first_is_at_it = connection._session.prepare, threading.Event(), threading.Event()

    def slowly(cql: str) -> object:
        """The first thread to prepare is the last to keep what it got."""
        prepared = prepare(cql)
        if not first_is_at_it.is_set():
            first_is_at_it.set()
            assert second_is_done.wait(PATIENCE_S)
        return prepared

    monkeypatch.setattr(connection._session, "prepare", slowly)
    first = threading.Thread(target=connection.write_all, args=([[(put, (1, b"v"))]],))
    first.start()
    assert first_is_at_it.wait(PATIENCE_S)
    connection.write_all([[(put, (2, b"v"))]])
    second_is_done.set()
    first.join(PATIENCE_S)
    gc.collect()
    connection.define("DROP TABLE {log}.forgotten")  # nodes forget its statements, as a restart makes them
    connection.define(table)
    connection.write_all([[(put, (3, b"v")), (put, (4, b"v"))]])
    assert len(connection.ask(Statement("SELECT a FROM {log}.forgotten", Access.READ))) == 2
