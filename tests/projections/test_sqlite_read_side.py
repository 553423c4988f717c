"""The embedded read side keeps the contract; when it is closed, nobody's query loses its connection."""

from __future__ import annotations

import threading

import pytest
from kinelog.projections.errors import ViewsUnavailableError
from kinelog.projections.sqlite_read_side import SqliteReadSide

from tests.projections.gym_floor import GymFloor
from tests.projections.read_side_contract import ReadSideContract


class TestSqliteReadSide(ReadSideContract):
    """Over the embedded store; its floor is the part's own."""


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
