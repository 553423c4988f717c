"""Events that cannot be folded stop one person's rows and nobody else's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from unittest.mock import patch

import msgspec
from kinelog.domain.commands import EraseUser
from kinelog.domain.events import FrameRecorded
from kinelog.domain.identifiers import Person, shard_of
from kinelog.journal.errors import CorruptError
from kinelog.journal.event_codec import Opening
from kinelog.projections.fold import Rows
from kinelog.projections.parking import replay_parked
from kinelog.projections.sqlite_views import SqliteViews
from kinelog.projections.views import VIEWS, samples_by_session
from kinelog.projections.views.samples_by_session import StoredBlock

from tests.projections.gym_floor import NOON_MS, TENANT, GymFloor, dump
from tests.projections.watch_frames import ae

POISON = ae(NOON_MS + 2000, seed=666)


@contextmanager
def a_defect() -> Iterator[None]:
    """A decoder that trips over one frame."""
    genuine = samples_by_session.stored_blocks

    def tripping(rows: Rows, event: FrameRecorded) -> Iterable[StoredBlock]:
        if event.data == POISON:
            raise KeyError(event.data)
        return genuine(rows, event)

    with patch.object(samples_by_session, "stored_blocks", tripping):
        yield


def train(floor: GymFloor, name: str, number: int, poison_at: int | None = None) -> tuple[Person, str]:
    person = floor.register(name)
    session = floor.start(person, number)
    for sequence in range(6):
        data = POISON if sequence == poison_at else ae(NOON_MS + sequence * 1000, seed=number * 100 + sequence)
        floor.send(person, session, sequence, data)
    return person, session


def sequences(floor: GymFloor, person: Person, session: str) -> list[int]:
    rows = floor.read_side.samples(TENANT, person.pseudonym, session, None, None, 100)
    return sorted(row.sequence for row in rows)


def test_a_poison_event_parks_its_person_in_that_view_and_nobody_else(floor: GymFloor) -> None:
    anna, annas = train(floor, "anna", 1, poison_at=2)
    others = [train(floor, f"person-{number}", number) for number in range(2, 8)]
    with a_defect():
        floor.project()
    assert sequences(floor, anna, annas) == [0, 1]
    assert all(sequences(floor, *other) == list(range(6)) for other in others)
    (row,) = floor.read_side.session(TENANT, annas)
    assert row.frames == {"watch": 6}  # other views do not look at the samples

    parked = floor.read_side.parked()
    assert {row.view for row in parked} == {"samples_by_session"}
    assert {row.entity for row in parked} == {anna.session(annas)}
    assert [row.error is not None for row in parked] == [True, False, False, False]
    assert parked[0].error is not None
    assert parked[0].error.startswith("KeyError in test_parking.py")
    assert POISON.hex()[:8] not in parked[0].error


def test_parked_events_are_replayed_in_order_once_the_code_is_mended(floor: GymFloor) -> None:
    anna, annas = train(floor, "anna", 1, poison_at=2)
    train(floor, "boris", 2, poison_at=0)
    with a_defect():
        floor.project()
        floor.send(anna, annas, 6, ae(NOON_MS + 6000))
        floor.project()
        assert sequences(floor, anna, annas) == [0, 1]
        held = replay_parked(floor.journal, floor.codec, floor.store)
        assert (held.folded, held.waiting) == (0, 11)
    mending = SqliteViews(floor.views_path)
    done = replay_parked(floor.journal, floor.codec, mending)
    assert (done.folded, done.waiting) == (11, 0)
    floor.send(anna, annas, 7, ae(NOON_MS + 7000))
    floor.project()  # the live worker notices that nothing waits any more
    assert sequences(floor, anna, annas) == list(range(8))

    untroubled = SqliteViews(floor.folder / "untroubled" / "views.db")
    floor.new_worker(untroubled).catch_up()
    assert dump(floor.store) == dump(untroubled)
    mending.close()
    untroubled.close()


def test_an_event_that_does_not_open_is_parked_in_every_view(floor: GymFloor) -> None:
    anna, annas = train(floor, "anna", 1)
    genuine = Opening.open

    def damaged(opening: Opening, stored: object) -> object:
        if getattr(stored, "entity", None) == anna.session(annas) and getattr(stored, "sequence", 0) == 4:
            raise CorruptError("here", "payload does not authenticate")
        return genuine(opening, stored)  # type: ignore[arg-type]  # the patched method's own argument

    with patch.object(Opening, "open", damaged):
        floor.project()
    views = {row.view for row in floor.read_side.parked() if row.error}
    assert views == VIEWS.keys()
    assert sequences(floor, anna, annas) == [0, 1]
    replay_parked(floor.journal, floor.codec, floor.store)
    floor.project()
    assert sequences(floor, anna, annas) == list(range(6))


def test_an_erasure_is_never_parked_and_takes_what_waits_along(floor: GymFloor) -> None:
    anna, annas = train(floor, "anna", 1, poison_at=2)
    with a_defect():
        floor.project()
        floor.erase(anna)
        floor.project()
    assert floor.read_side.parked() == []
    assert sequences(floor, anna, annas) == []
    assert anna.pseudonym not in str(dump(floor.store))


def test_a_poison_event_and_its_persons_erasure_in_one_batch(floor: GymFloor) -> None:
    anna, annas = train(floor, "anna", 1, poison_at=2)
    boris, boriss = train(floor, "boris", 2)
    floor.ask(anna, EraseUser(at_ms=floor.now_ms))  # the key is still there: all of it opens
    with a_defect():
        floor.project()
    assert floor.read_side.parked() == []
    assert sequences(floor, anna, annas) == []
    assert sequences(floor, boris, boriss) == list(range(6))


def test_a_poisoned_person_does_not_hold_up_the_shard(floor: GymFloor) -> None:
    anna, _ = train(floor, "anna", 1, poison_at=0)
    with a_defect():
        floor.project()
    shard = shard_of(anna, 4)
    assert floor.read_side.as_of()[shard] == floor.journal.head(shard)


def test_a_value_that_no_column_can_hold_parks_its_event_and_stops_nobody(floor: GymFloor) -> None:
    anna, annas = train(floor, "anna", 1)
    genuine = samples_by_session.stored_blocks
    marked = ae(NOON_MS + 2000, seed=102)

    def overflowing(rows: Rows, event: FrameRecorded) -> Iterable[StoredBlock]:
        for info, found in genuine(rows, event):
            yield (msgspec.structs.replace(info, duration_ms=2**70) if event.data == marked else info), found

    others = [train(floor, f"person-{number}", number) for number in range(2, 6)]
    with patch.object(samples_by_session, "stored_blocks", overflowing):
        floor.project()
    assert sequences(floor, anna, annas) == [0, 1]
    assert all(sequences(floor, *other) == list(range(6)) for other in others)
    assert {row.error.split(" ")[0] for row in floor.read_side.parked() if row.error} == {"OverflowError"}
    replay_parked(floor.journal, floor.codec, floor.store)
    floor.project()
    assert sequences(floor, anna, annas) == list(range(6))
