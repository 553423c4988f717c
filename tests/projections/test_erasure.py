"""Erased means gone from every view and every file of theirs."""

from __future__ import annotations

import threading
from pathlib import Path
from unittest.mock import patch

import pytest
from kinelog.domain.commands import EraseUser
from kinelog.domain.identifiers import Person, shard_of
from kinelog.projections.rebuild import Rebuild
from kinelog.projections.sqlite_views import SqliteViews
from kinelog.projections.worker import ProjectionWorker

from tests.projections.gym_floor import GYM, NOON_MS, TENANT, GymFloor, dump
from tests.projections.watch_frames import ae, movement


def train(floor: GymFloor, name: str, number: int) -> Person:
    person = floor.register(name)
    session = floor.start(person, number)
    for sequence in range(30):
        floor.send(person, session, sequence, ae(NOON_MS + sequence * 1000, seed=1000 * number + sequence))
    floor.send(person, session, 99, b"ae nonsense")
    floor.label(person, session, NOON_MS, NOON_MS + 20_000)
    return person


def bytes_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def test_no_byte_of_an_erased_person_stays_in_the_files(floor: GymFloor) -> None:
    people = [train(floor, f"person-{number}", number) for number in range(12)]
    floor.project()
    victim = people[5]
    traces = [movement(50, 5000 + sequence).tobytes()[:32] for sequence in range(30)]
    before = bytes_in(floor.views_path.parent)
    assert victim.pseudonym.encode() in before
    assert all(trace in before for trace in traces)

    floor.erase(victim)
    floor.project()
    after = bytes_in(floor.views_path.parent)
    assert victim.pseudonym.encode() not in after
    assert not any(trace in after for trace in traces)
    assert people[4].pseudonym.encode() in after


def test_a_worker_that_is_stopped_before_it_scrubbed_scrubs_then(floor: GymFloor) -> None:
    anna = train(floor, "anna", 1)
    floor.project()
    floor.erase(anna)
    worker = ProjectionWorker(floor.journal, floor.codec, floor.store)
    while worker.step():
        pass
    assert anna.pseudonym.encode() in bytes_in(floor.views_path.parent)
    stopped = threading.Event()
    stopped.set()
    worker.run(stopped)
    assert anna.pseudonym.encode() not in bytes_in(floor.views_path.parent)


def test_a_reader_in_the_way_only_delays_the_scrubbing(floor: GymFloor) -> None:
    anna = train(floor, "anna", 1)
    floor.project()
    reader = SqliteViews(floor.views_path)
    reader.connection.execute("BEGIN")
    reader.connection.execute("SELECT count(*) FROM offsets").fetchone()
    floor.store.connection.execute("PRAGMA busy_timeout = 1")
    floor.erase(anna)
    floor.project()
    assert anna.pseudonym.encode() in bytes_in(floor.views_path.parent)
    reader.connection.execute("COMMIT")
    reader.close()
    assert floor.store.scrub()
    assert anna.pseudonym.encode() not in bytes_in(floor.views_path.parent)


def test_an_erased_persons_share_leaves_every_answer(floor: GymFloor) -> None:
    anna = train(floor, "anna", 1)
    boris = train(floor, "boris", 2)
    floor.project()
    floor.erase(anna)
    floor.project()
    side = floor.read_side
    assert [row.person for row in side.sessions_of_gym(TENANT, GYM, None, None, None, 9).rows] == [boris.pseudonym]
    assert [row.sessions for row in side.occupancy(TENANT, GYM, "2023-11-14T22", "2023-11-14T22")] == [1]
    assert [row.sets for row in side.station_use(TENANT, GYM, "2023-11-14", "2023-11-14")] == [1]
    assert {row.person for row in side.live(TENANT, GYM, {}, 999)} == {boris.pseudonym}
    assert {row.person for row in side.labels(TENANT)} == {boris.pseudonym}
    assert [row.person for row in side.people(TENANT, None, 9)] == [boris.pseudonym]
    assert anna.pseudonym not in str(dump(floor.store))


def test_who_is_erased_before_the_worker_gets_there_never_gets_a_row(floor: GymFloor) -> None:
    anna = train(floor, "anna", 1)
    boris = train(floor, "boris", 2)
    floor.erase(anna)
    floor.project()
    rows = dump(floor.store)
    assert anna.pseudonym not in str(rows)
    assert boris.pseudonym in str(rows)
    assert floor.read_side.parked() == []


class Killed(BaseException):
    """The process is gone at this point."""


def test_a_build_that_never_ends_keeps_nothing_of_who_is_erased_later(floor: GymFloor) -> None:
    anna = train(floor, "anna", 1)
    floor.project()
    store = SqliteViews(floor.views_path)
    build = Rebuild(floor.journal, floor.codec, store)
    with patch.object(Rebuild, "_try_to_switch", side_effect=Killed), pytest.raises(Killed):
        build.run()
    assert built_rows(store) > 30
    floor.erase(anna)
    floor.project()
    assert built_rows(store) == 0
    store.close()
    assert anna.pseudonym.encode() not in bytes_in(floor.views_path.parent)


def test_a_build_behind_an_erasure_writes_nothing_that_it_can_still_open(floor: GymFloor) -> None:
    anna = train(floor, "anna", 1)
    shard = shard_of(anna, 4)
    head = floor.journal.head(shard)
    floor.ask(anna, EraseUser(at_ms=floor.now_ms))  # the process dies before the key is destroyed
    floor.project()
    store = SqliteViews(floor.views_path)
    build = Rebuild(floor.journal, floor.codec, store)
    with patch("kinelog.projections.rebuild.BATCH_EVENTS", head):
        assert not build.run(cancelled=lambda: build._position(shard) == head)
    assert built_rows(store) == 0
    store.close()
    assert anna.pseudonym.encode() not in bytes_in(floor.views_path.parent)


def built_rows(store: SqliteViews) -> int:
    tables = store.connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '%2' AND name NOT LIKE 'gyms%'"
    )
    names = [name for (name,) in tables]
    assert len(names) == 14
    return sum(store.connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names)  # noqa: S608  # our names
