"""A view equals the fold of the log: a rebuild gives the live tables, byte for byte."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kinelog.domain.identifiers import Person
from kinelog.domain.values import AgeGroup, Proficiency, Profile, Purpose, Source
from kinelog.projections.errors import RebuildRunningError, UnknownViewError
from kinelog.projections.rebuild import Rebuild, RebuildProgress, views_named
from kinelog.projections.sqlite_views import SqliteViews
from kinelog.projections.views import ALL_VIEWS
from kinelog.projections.worker import ProjectionWorker

from tests.projections.gym_floor import CURL, GYM, NOON_MS, SQUAT, TENANT, GymFloor, dump
from tests.projections.watch_frames import ae, apple_watch, gfs_blocks, muvr16_block

PEOPLE = 4
SESSIONS = 3

steps = st.tuples(
    st.sampled_from(
        ("start", "frame", "frame", "frame", "late", "bad", "label", "correct", "unset", "end", "abandon", "delete",
         "erase", "gym", "tell", "consent", "project", "project")
    ),
    st.integers(0, PEOPLE - 1),
    st.integers(0, SESSIONS - 1),
    st.integers(0, 12),
)  # fmt: skip


class History:
    """Plays steps on a floor; what the domain refuses just does not happen."""

    def __init__(self, floor: GymFloor) -> None:
        self.floor = floor
        self.people: list[Person | None] = [floor.register(f"person-{number}") for number in range(PEOPLE)]

    def play(self, action: str, who: int, which: int, number: int) -> None:
        floor, person = self.floor, self.people[who]
        floor.now_ms += 700
        if action == "project":
            floor.project()
        elif action == "gym":
            floor.open_gym(zone=("Europe/London", "Asia/Tokyo")[number % 2])
        elif person is None:
            return
        elif action == "tell":
            floor.tell(person, Profile(list(AgeGroup)[number % 6], proficiency=list(Proficiency)[number % 3]))
        elif action == "consent":
            floor.consent(person, list(Purpose)[number % 3], given=number < 8)
        elif action == "erase":
            if number == 0:  # seldom, or nobody is left
                floor.erase(person)
                self.people[who] = None
        else:
            self._in_session(action, person, f"00000000-0000-4000-8000-{who:06x}{which:06x}", number)

    def _in_session(self, action: str, person: Person, session: str, number: int) -> None:
        floor = self.floor
        at = NOON_MS + number * 1000
        if action == "start":
            floor.try_start(person, session, GYM if number % 3 else None)
        elif action == "frame":
            data = (ae(at, seed=number), muvr16_block(at, seed=number, count=70 + number % 2 * 30), apple_watch(at, 20))
            floor.send(person, session, number, data[number % 3])
        elif action == "late":
            floor.send(person, session, 12 - number, gfs_blocks((60, 20), seed=number), start_ms=at, device="phone")
        elif action == "bad":
            floor.send(person, session, number, b"\xad" * number)
        elif action == "label":
            floor.label(person, session, at, at + 900, (CURL, SQUAT)[number % 2], Source.DEVICE)
        elif action in {"correct", "unset"}:
            floor.correct(person, session, 1 + number % 2, 1 + number % 3, deleted=action == "unset")
        elif action == "end":
            floor.end(person, session)
        elif action == "abandon":
            floor.abandon(person, session)
        elif number < 2:
            floor.delete(person, session)


def rebuilt(floor: GymFloor) -> dict[str, list[tuple[object, ...]]]:
    store = SqliteViews(floor.views_path)
    try:
        assert Rebuild(floor.journal, floor.codec, store).run()
        return dump(store)
    finally:
        store.close()


def test_frames_unpacked_by_the_batch_make_the_rows_of_frames_unpacked_one_by_one(floor: GymFloor) -> None:
    person = floor.register("anna")
    session = floor.start(person, 1)
    for sequence in range(9):
        at = NOON_MS + sequence * 1000
        frames = (ae(at, 50 + sequence, sequence), ae(at, 120, sequence), gfs_blocks((60, 20)), apple_watch(at))
        floor.send(person, session, sequence, frames[sequence % 4], start_ms=at)
    floor.send(person, session, 9, ae(NOON_MS + 9000, 0))
    singly = tuple(replace(view, prepare=None) for view in ALL_VIEWS)
    other = SqliteViews(floor.folder / "singly" / "views.db")
    ProjectionWorker(floor.journal, floor.codec, other, views=singly).catch_up()
    floor.project()
    assert len(dump(floor.store)["samples_by_session"]) > 9
    assert dump(other) == dump(floor.store)
    other.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(steps, min_size=30, max_size=120))
def test_a_rebuild_equals_the_live_tables_byte_for_byte(history: list[tuple[str, int, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        floor = GymFloor(Path(folder))
        try:
            played = History(floor)
            for who in range(PEOPLE):
                played.play("start", who, 0, 1)
            for step in history:
                played.play(*step)
            floor.project()
            live = dump(floor.store)
            assert rebuilt(floor) == live
            floor.project()  # the live worker goes on with the new generation
            played.play("start", 0, 2, 1)
            played.play("frame", 0, 2, 3)
            floor.project()
            assert rebuilt(floor) == dump(floor.store)
        finally:
            floor.close()


def fill(floor: GymFloor, people: int = 6) -> None:
    for number in range(people):
        person = floor.register(f"person-{number}")
        session = floor.start(person, number)
        for sequence in range(20):
            floor.send(person, session, sequence, ae(NOON_MS + sequence * 1000, seed=sequence))


def test_readers_follow_the_switch_without_a_restart_and_the_old_tables_go(floor: GymFloor) -> None:
    fill(floor)
    floor.project()
    before = floor.read_side.sessions_of_gym(TENANT, GYM, None, None, None, 100).rows
    store = SqliteViews(floor.views_path)
    seen: list[RebuildProgress] = []
    assert Rebuild(floor.journal, floor.codec, store).run(progress=seen.append)
    assert seen[-1].done == seen[-1].total == sum(floor.journal.head(shard) for shard in range(4))
    assert [progress.done for progress in seen] == sorted(progress.done for progress in seen)
    assert floor.read_side.sessions_of_gym(TENANT, GYM, None, None, None, 100).rows == before
    tables = [name for (name,) in store.connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    assert not [name for name in tables if name.endswith("__1")]
    store.close()


def test_what_happens_during_a_rebuild_is_in_the_new_tables(floor: GymFloor) -> None:
    fill(floor)
    floor.project()
    store = SqliteViews(floor.views_path)
    late = iter(range(1000))

    def meanwhile(_: RebuildProgress) -> None:
        person = floor.register(f"late-{next(late)}")
        floor.start(person, 500 + next(late))
        floor.project()

    assert Rebuild(floor.journal, floor.codec, store).run(progress=meanwhile)
    live = dump(store)
    floor.project()
    assert dump(floor.store) == live
    assert floor.read_side.as_of() == {shard: floor.journal.head(shard) for shard in range(4)}
    store.close()


def stopped_behind_a_batch(build: Rebuild) -> bool:
    """Run and cancel before the second batch: there is one, although all people may live in one shard."""
    asked = iter(range(100))
    with patch("kinelog.projections.rebuild.BATCH_EVENTS", 5):
        return build.run(cancelled=lambda: next(asked) == 1)


def test_a_rebuild_that_stops_goes_on_where_it_was(floor: GymFloor) -> None:
    fill(floor)
    floor.project()
    live = dump(floor.store)
    store = SqliteViews(floor.views_path)
    assert not stopped_behind_a_batch(Rebuild(floor.journal, floor.codec, store))
    store.close()
    assert dump(floor.store) == live

    store = SqliteViews(floor.views_path)
    starts: list[RebuildProgress] = []
    assert Rebuild(floor.journal, floor.codec, store).run(progress=starts.append)
    assert starts[0].done > 0
    assert dump(store) == live
    store.close()


def test_a_discarded_rebuild_leaves_no_table(floor: GymFloor) -> None:
    fill(floor)
    floor.project()
    live = dump(floor.store)
    build = Rebuild(floor.journal, floor.codec, floor.store)
    assert not stopped_behind_a_batch(build)
    build.discard()
    assert dump(floor.store) == live
    assert {generation.state for generation in floor.store.generations()} == {"live"}


def test_two_rebuilds_of_one_view_do_not_mix(floor: GymFloor) -> None:
    fill(floor)
    floor.project()
    stores = [SqliteViews(floor.views_path) for _ in range(2)]
    first, second = (Rebuild(floor.journal, floor.codec, store, views_named(["gyms"])) for store in stores)
    assert first.run()
    with pytest.raises(RebuildRunningError):
        second.run()
    for store in stores:
        store.close()


def test_one_view_is_rebuilt_by_its_name_and_others_stay(floor: GymFloor) -> None:
    fill(floor)
    floor.project()
    live = dump(floor.store)
    assert Rebuild(floor.journal, floor.codec, floor.store, views_named(["sets_by_session"])).run()
    generations = {generation.view: generation.generation for generation in floor.store.generations()}
    assert generations.pop("sets_by_session") == 2
    assert set(generations.values()) == {1}
    assert dump(floor.store) == live
    with pytest.raises(UnknownViewError, match="no view 'sets'"):
        views_named(["sets"])
