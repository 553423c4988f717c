"""The embedded read side keeps the contract; when it is closed, nobody's query loses its connection."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing

import pytest
from kinelog.projections.errors import ViewsUnavailableError
from kinelog.projections.sqlite_read_side import SqliteReadSide

from tests.projections.gym_floor import TENANT, GymFloor
from tests.projections.read_side_contract import ReadSideContract


class TestSqliteReadSide(ReadSideContract):
    """Over the embedded store; its floor is the part's own."""


def test_a_file_of_views_that_is_damaged_is_said_to_be_unreadable(floor: GymFloor) -> None:
    floor.start(floor.register("anna"), 1)
    floor.project()
    floor.store.close()
    with sqlite3.connect(floor.views_path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    whole = floor.views_path.read_bytes()
    floor.views_path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    read_side = SqliteReadSide(floor.views_path)
    with closing(read_side), pytest.raises(ViewsUnavailableError, match="cannot be read"):
        read_side.people(TENANT, None, 10)


def test_closing_waits_for_the_question_that_is_being_answered(floor: GymFloor) -> None:
    floor.register("anna")
    floor.project()
    read_side = SqliteReadSide(floor.views_path)
    closed = threading.Event()

    def close() -> None:
        read_side.close()
        closed.set()

    with read_side._snapshot() as snapshot:
        closing = threading.Thread(target=close)
        closing.start()
        while not read_side._closed:
            pass
        assert snapshot.as_of()
        assert not closed.is_set()
    closing.join(timeout=30)
    assert closed.is_set()
    with pytest.raises(ViewsUnavailableError):
        read_side.as_of()
