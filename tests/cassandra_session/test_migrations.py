"""Migrations on a real server: one applier at a time, finished by the next, and nobody loses what they use."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

import pytest
from kinelog.cassandra_session.connection import Access, Connection, Statement
from kinelog.cassandra_session.driver_connection import DriverConnection, connect
from kinelog.cassandra_session.errors import MissingTableError, SchemaError
from kinelog.cassandra_session.migration import KeyspaceSchema, Migration, Phase
from kinelog.cassandra_session.migrations import apply_schema, require_schema, schema_status
from kinelog.cassandra_session.schema_lock import Patience, SchemaLock
from kinelog.cassandra_session.schema_readers import SchemaAnnouncement, processes_older_than

from tests.cassandra.deployment import address_of, drop_keyspaces
from tests.cassandra.shared_node import SharedNode
from tests.cassandra.unsure_connection import Fate, UnsureConnection

pytestmark = pytest.mark.cassandra

QUICK = Patience(beat_s=0.1, expiry_s=0.6, give_up_s=60.0)
"""For who waits for a holder that is dead; one that lives and has no processor for a moment would be taken for dead."""
PATIENT = Patience(beat_s=0.1, expiry_s=30.0, give_up_s=120.0)
STILL_S = 0.8

FIRST = Migration(1, "notes", Phase.EXPAND, ("CREATE TABLE IF NOT EXISTS {keys}.notes (id int PRIMARY KEY, old text)",))
SECOND = Migration(
    2,
    "a new column, and a table",
    Phase.EXPAND,
    (
        "ALTER TABLE {keys}.notes ADD IF NOT EXISTS new text",
        "CREATE TABLE IF NOT EXISTS {keys}.more (id int PRIMARY KEY)",
    ),
)
THIRD = Migration(3, "the old column goes", Phase.CONTRACT, ("ALTER TABLE {keys}.notes DROP IF EXISTS old",))

OLD = KeyspaceSchema("keys", (FIRST,))
WIDER = KeyspaceSchema("keys", (FIRST, SECOND))
NEW = KeyspaceSchema("keys", (FIRST, SECOND, THIRD))

Connect = Callable[[], DriverConnection]


@pytest.fixture
def connect_again(cassandra_node: SharedNode, keyspace_prefix: str) -> Iterator[Connect]:
    opened: list[DriverConnection] = []

    def again() -> DriverConnection:
        opened.append(connect(address_of(cassandra_node.address, keyspace_prefix)))
        return opened[-1]

    yield again
    drop_keyspaces(again())
    for connection in opened:
        connection.close()


@pytest.fixture
def connection(connect_again: Connect) -> Connection:
    return connect_again()


def columns(connection: Connection) -> set[str]:
    cql = "SELECT column_name FROM system_schema.columns WHERE keyspace_name = ? AND table_name = 'notes'"
    return {str(name) for (name,) in connection.ask(Statement(cql, Access.READ), (connection.keyspaces.keys,))}


def apply(connection: Connection, schema: KeyspaceSchema, still_s: float = STILL_S) -> None:
    apply_schema(connection, [schema], patience=QUICK, still_s=still_s)


def test_a_fresh_cluster_is_made_and_then_left_alone(connection: Connection) -> None:
    [before] = schema_status(connection, [NEW])
    assert (before.exists, before.applied, before.foreign, len(before.pending)) == (False, (), (), 3)
    with pytest.raises(SchemaError, match="kinelog schema apply"):
        require_schema(connection, [NEW])
    apply(connection, NEW)
    require_schema(connection, [NEW])
    [after] = schema_status(connection, [NEW])
    assert [row.number for row in after.applied] == [1, 2, 3]
    assert after.pending == ()
    assert columns(connection) == {"id", "new"}
    told: list[int] = []
    apply_schema(connection, [NEW], patience=QUICK, told=lambda _status, migration: told.append(migration.number))
    assert told == []


def test_of_appliers_at_the_same_time_one_works(connect_again: Connect) -> None:
    told: list[int] = []
    connections = [connect_again() for _ in range(4)]

    def go(connection: Connection) -> None:
        apply_schema(connection, [NEW], patience=PATIENT, told=lambda _status, migration: told.append(migration.number))

    threads = [threading.Thread(target=go, args=(connection,)) for connection in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == [1, 2, 3]
    for connection in connections:
        require_schema(connection, [NEW])


def test_what_was_killed_half_way_is_finished_by_the_next(
    connection: Connection, connect_again: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(connection, OLD)
    dying = connect_again()

    def define_some(statements: Sequence[str]) -> None:
        for cql in statements:
            if "more" in cql:
                monkeypatch.setattr(SchemaLock, "release", lambda lock: lock._released.set())  # nobody gives it back
                raise KeyboardInterrupt
            dying.define(cql)

    monkeypatch.setattr(dying, "define_all", define_some)
    with pytest.raises(KeyboardInterrupt):
        apply(dying, NEW)
    monkeypatch.undo()
    assert "new" in columns(connection), "it died between two statements of one migration"
    assert [migration.number for migration in schema_status(connection, [NEW])[0].pending] == [2, 3]
    began = time.monotonic()
    apply(connection, NEW)
    assert time.monotonic() - began >= QUICK.expiry_s, "the lock of the dead was taken over too soon"
    require_schema(connection, [NEW])


def test_a_holder_that_lives_is_waited_for(connection: Connection, connect_again: Connect) -> None:
    apply(connection, OLD)
    lock = SchemaLock(connect_again(), QUICK)
    lock.take()
    beating = threading.Thread(target=lock.beat_until_released)
    beating.start()
    with pytest.raises(SchemaError, match="try again"):
        apply_schema(connection, [WIDER], patience=Patience(beat_s=0.1, expiry_s=3.0, give_up_s=4.5))
    lock.release()
    beating.join()
    apply(connection, WIDER)


def test_who_lost_the_lock_stops_before_the_next_statement(connection: Connection, connect_again: Connect) -> None:
    apply(connection, OLD)
    paused, quick = SchemaLock(connection, QUICK), SchemaLock(connect_again(), QUICK)
    paused.take()  # and stands still: it shows no beat
    quick.take()
    with pytest.raises(SchemaError, match="took over"):
        paused.require()
    quick.require()
    paused.release()
    quick.require()
    quick.release()


@pytest.mark.parametrize("fate", [Fate.ANSWER_LOST, Fate.LOST, Fate.LATE])
def test_a_lock_whose_outcome_is_unknown_is_held_by_one(connection: Connection, fate: Fate) -> None:
    apply(connection, OLD)
    unsure = UnsureConnection(connection, [fate])
    lock, other = SchemaLock(unsure, QUICK), SchemaLock(connection, Patience(0.1, 60.0, give_up_s=0.5))
    lock.take()
    unsure.deliver()
    lock.require()
    with pytest.raises(SchemaError):
        other.take()
    lock.release()


def test_programs_of_two_versions_run_side_by_side_until_something_is_taken_away(connection: Connection) -> None:
    apply(connection, WIDER)
    for schema in (OLD, WIDER, NEW):
        require_schema(connection, [schema])
    [of_old] = schema_status(connection, [OLD])
    assert [row.number for row in of_old.foreign] == [2]
    apply(connection, NEW)
    for schema in (OLD, WIDER):
        with pytest.raises(SchemaError, match="newer version"):
            require_schema(connection, [schema])


def test_nothing_is_taken_away_from_a_running_process(connection: Connection, connect_again: Connect) -> None:
    apply(connection, WIDER)
    with closing(SchemaAnnouncement(connect_again(), [WIDER], refresh_s=0.1)):
        with pytest.raises(SchemaError, match="stop them or start newer versions"):
            apply(connection, NEW, still_s=60.0)  # no longer than until it is seen to live
        assert "old" in columns(connection)
    apply(connection, NEW)
    assert "old" not in columns(connection)


def test_a_process_that_died_stops_nobody(connection: Connection, connect_again: Connect) -> None:
    apply(connection, WIDER)
    dead = SchemaAnnouncement(connect_again(), [WIDER], refresh_s=3600.0)
    with closing(SchemaAnnouncement(connect_again(), [NEW], refresh_s=0.1)):
        apply(connection, NEW)
    assert "old" not in columns(connection)
    assert processes_older_than(connection, "keys", 3, 0.0) == []
    dead.close()


def test_another_programs_migration_of_the_same_number_is_refused(connection: Connection) -> None:
    apply(connection, OLD)
    other = KeyspaceSchema("keys", (Migration(1, "something else", Phase.EXPAND, ("CREATE TABLE {keys}.x",)),))
    with pytest.raises(SchemaError, match="another program"):
        require_schema(connection, [other])
    with pytest.raises(SchemaError, match="another program"):
        apply(connection, other)


def test_keyspaces_get_the_replicas_of_the_address(cassandra_node: SharedNode, keyspace_prefix: str) -> None:
    connection = connect(address_of(cassandra_node.address, keyspace_prefix, replication=3))
    with closing(connection):
        with pytest.raises(MissingTableError):
            connection.ask(Statement("SELECT * FROM {keys}.notes", Access.READ))
        apply_schema(connection, [], data_center="datacenter1")
        cql = "SELECT toJson(replication) FROM system_schema.keyspaces WHERE keyspace_name = ?"
        [(replication,)] = connection.ask(Statement(cql, Access.READ), (connection.keyspaces.log,))
        assert '"datacenter1": "3"' in str(replication)
        assert "NetworkTopologyStrategy" in str(replication)
