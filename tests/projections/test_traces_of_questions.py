"""What the server reads for each question, by its traces: one partition a read, no deleted rows, no row too many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from kinelog.domain.identifiers import Person
from kinelog.projections.cassandra.periods import day_of, year_of_day
from kinelog.projections.cassandra.read_side import CassandraReadSide
from kinelog.projections.cassandra.session_content import MORE_PIECES
from kinelog.projections.rows import Page

from tests.projections.busy_floor import DAY_MS, GYMS, BusyFloor
from tests.projections.cassandra_views import copied_views, views_connection
from tests.projections.copied_floor import CopiedFloor
from tests.projections.copied_views import CopiedViews
from tests.projections.every_question import paged
from tests.projections.gym_floor import GYM, TENANT
from tests.projections.traced_connection import Read, TracedConnection
from tests.projections.watch_frames import muvr16_block

pytestmark = pytest.mark.cassandra

__all__ = ["copied_views", "views_connection"]

APART = {"registry", "offsets", "parked"}
"""Read for all shards together, or kept for a while; not part of a page."""
ROWS_IN_FRONT = 8
"""Rows of two frames of two seconds and of two seconds of slack, at one sensor."""


class Floor:
    """A floor with a person who trained every day for three weeks and sent a long session, and its traced read side."""

    def __init__(self, floor: CopiedFloor) -> None:
        self.floor = floor
        busy = BusyFloor(floor, 3)
        busy.play(60)
        self.anna = floor.register("anna")
        floor.open_gym()
        for number in range(1000, 1042):
            floor.now_ms += DAY_MS // 2
            self.session = floor.start(self.anna, number)
            floor.label(self.anna, self.session, floor.now_ms, floor.now_ms + 30_000)
        for sequence in range(40):
            frame = muvr16_block(floor.now_ms + sequence * 2000, 100, 2000, sequence, sequence)
            floor.send(self.anna, self.session, sequence, frame)
        for sequence in range(5):
            floor.send(self.anna, self.session, 900 + sequence, b"ae nonsense")
        floor.project()
        self.connection = TracedConnection(floor.copied.connection)
        self.side = CassandraReadSide(self.connection, floor.journal.shards, lambda: floor.now_ms)
        self.side.as_of()  # reads registry and positions, so that the questions find them known
        self.connection.take()

    def reads(self) -> list[Read]:
        """What was read since the last call, after checks that hold for every read."""
        reads = [read for read in self.connection.take() if read.table not in APART]
        assert reads
        for table, traced in reads:
            assert not traced.full_scan, f"{table}: more than one partition"
            assert traced.tombstones == 0, f"{table}: {traced.tombstones} deleted rows passed over"
            # what a read looks at is what it answers: nothing is filtered by the server
            assert traced.live_rows == len(traced.rows), f"{table}: {traced.live_rows} for {len(traced.rows)}"
        return reads

    def rows(self) -> Counter[str]:
        """Rows by table."""
        found: Counter[str] = Counter()
        for table, traced in self.reads():
            found[table] += traced.live_rows
        return found


@pytest.fixture(scope="module")
def traced(copied_views: CopiedViews, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    floor = CopiedFloor(tmp_path_factory.mktemp("floor"), copied_views)
    yield Floor(floor)
    floor.close()


@pytest.mark.parametrize("limit", [1, 5, 50])
def test_a_page_of_a_person_reads_one_row_more_than_it_has(traced: Floor, limit: int) -> None:
    side = traced.side
    for page in paged(lambda key: _counted(traced, key, limit)):
        assert len(page.rows) <= limit
    side.sessions_of_person(*traced.anna, traced.floor.now_ms - 3 * DAY_MS, traced.floor.now_ms, None, limit)
    assert traced.rows().total() <= limit + 1


def _counted(traced: Floor, key: tuple[int, str, str] | None, limit: int) -> Page:
    page = traced.side.sessions_of_person(*traced.anna, None, None, key, limit)
    rows = traced.rows()
    assert rows.keys() == {"sessions_by_user"}
    assert rows.total() == len(page.rows) + (page.next_key is not None)
    return page


@pytest.mark.parametrize("limit", [1, 5, 50])
def test_a_page_of_a_gym_reads_one_row_more_than_it_has(traced: Floor, limit: int) -> None:
    """Where people come at least every few days, not even the directory of days gives a row."""
    now = traced.floor.now_ms
    since, key = now - 20 * DAY_MS, None
    while True:
        page = traced.side.sessions_of_gym(TENANT, GYM, since, None, key, limit)
        rows = traced.rows()
        assert rows.keys() <= {"sessions_by_gym_day", "gym_days"}
        assert rows.total() == len(page.rows) + (page.next_key is not None) <= limit + 1
        key = page.next_key
        if key is None:
            break


def test_a_gap_of_any_length_costs_one_row_of_the_directory(traced: Floor) -> None:
    for gym in GYMS:
        page = traced.side.sessions_of_gym(TENANT, gym, None, None, None, 1000)
        rows = traced.rows()
        assert rows["sessions_by_gym_day"] == len(page.rows)
        days = {day_of(row.started_at_ms) for row in page.rows}
        years = {year_of_day(day) for day in days}
        assert rows["gym_days"] <= len(days) + len(years)  # a gap over a turn of the year: one row each year


@pytest.mark.parametrize("limit", [1, 7, 30])
def test_samples_are_read_from_where_they_begin_to_one_behind_the_last(traced: Floor, limit: int) -> None:
    anna, session = traced.anna, traced.session
    begin = int(traced.side.samples(*anna, session, None, None, 1)[0].start_ms)
    traced.reads()
    assert len(traced.side.samples(*anna, session, None, None, limit)) == limit
    # a frame is a few rows that start with it: those behind the last row that is wanted may have to be looked at
    assert limit + 1 <= traced.rows()["samples_by_session"] <= limit + 1 + MORE_PIECES
    later = begin + 40_000
    assert len(traced.side.samples(*anna, session, later, None, limit)) == limit
    # and frames may reach into the interval that begin before it: by the longest frame, and the slack of clocks
    assert traced.rows()["samples_by_session"] <= limit + 1 + MORE_PIECES + ROWS_IN_FRONT


def test_what_belongs_to_a_session_is_read_and_nothing_else(traced: Floor) -> None:
    anna, session = traced.anna, traced.session
    assert len(traced.side.session(TENANT, session)) == 1
    assert traced.rows() == {"sessions_by_id": 1}
    assert len(traced.side.sets(*anna, session)) == 1
    assert traced.rows() == {"sets_by_session": 1}
    assert len(traced.side.rejects(*anna, session, 3)) == 3
    assert traced.rows() == {"rejects_by_session": 3}


def test_who_trains_now_is_found_among_the_sessions_of_two_days(traced: Floor) -> None:
    training = traced.side.training_now(TENANT, GYM)
    assert [row.session for row in training] == [traced.session]
    rows = traced.rows()
    assert rows["sessions_by_id"] == 1
    assert rows["open_by_gym"] <= 6  # two a day, yesterday and today


def test_figures_read_the_rows_of_their_days(traced: Floor) -> None:
    anna = traced.anna
    assert isinstance(anna, Person)
    for question in (
        lambda: traced.side.occupancy(TENANT, GYM, "2023-11-14T00", "2023-11-16T00"),
        lambda: traced.side.station_use(TENANT, GYM, "2023-11-14", "2023-11-16"),
        lambda: traced.side.occupancy(TENANT, GYM, "0000-01-01T00", "9999-12-31T23"),
        lambda: traced.side.station_use(TENANT, GYM, "0000-01-01", "9999-12-31"),
        lambda: traced.side.live(TENANT, GYM, {}, 100),
        lambda: traced.side.labels(TENANT),
        lambda: traced.side.people(TENANT, None, 1000),
        lambda: traced.side.people(TENANT, None, 2),
        lambda: traced.side.labels(TENANT, "none/such"),
    ):
        question()
        traced.reads()
