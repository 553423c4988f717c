"""The read side over Cassandra keeps the contract."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from kinelog.cassandra_session.connection import Access, Statement

from tests.projections.cassandra_views import copied_floor, copied_views, views_connection
from tests.projections.copied_floor import CopiedFloor
from tests.projections.gym_floor import GYM, NOON_MS, TENANT, GymFloor
from tests.projections.read_side_contract import ReadSideContract
from tests.projections.watch_frames import ae

pytestmark = pytest.mark.cassandra

__all__ = ["copied_floor", "copied_views", "views_connection"]


class TestCassandraReadSide(ReadSideContract):
    """Over query tables on a real server."""

    @pytest.fixture
    def floor(self, copied_floor: CopiedFloor) -> GymFloor:
        """Asked through Cassandra."""
        return copied_floor


def test_the_live_stream_shows_nothing_behind_the_offset_of_its_shard(copied_floor: CopiedFloor) -> None:
    anna = copied_floor.register("anna")
    session = copied_floor.start(anna, 1)
    for sequence in range(6):
        copied_floor.now_ms += 1000
        copied_floor.send(anna, session, sequence, ae(NOON_MS + sequence * 1000))
    copied_floor.project()
    side = copied_floor.read_side
    everything = side.live(TENANT, GYM, {}, 100)
    # as while a batch is being written: its rows are there, in any order, and the offset is not
    reached = everything[3]
    move = Statement(
        "UPDATE {views}.offsets SET position = ? WHERE view_name = ? AND generation = ? AND shard = ?", Access.WRITE
    )
    values = (reached.position, "live_by_gym", copied_floor.copied.generation, reached.shard)
    copied_floor.copied.connection.ask(move, values)
    assert side.live(TENANT, GYM, {}, 100) == everything[:4]
    assert side.live(TENANT, GYM, {reached.shard: reached.position}, 100) == []


def test_many_threads_ask_at_once_and_get_the_same_answers(copied_floor: CopiedFloor) -> None:
    people = [copied_floor.register(f"person-{number}") for number in range(6)]
    for number, person in enumerate(people):
        copied_floor.send(person, copied_floor.start(person, number), 0, ae(NOON_MS))
    copied_floor.project()
    side = copied_floor.read_side

    def ask(number: int) -> object:
        person = people[number % len(people)]
        page = side.sessions_of_person(*person, None, None, None, 5)
        return len(page.rows), page.rows[0].person == person.pseudonym, len(side.training_now(TENANT, GYM))

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(ask, range(48))) == {(1, True, len(people))}
