"""What every store of the views promises, asked of each through a worker, a rebuild and a replay."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import replace
from unittest.mock import patch

import msgspec
import pytest
from kinelog.domain.commands import EraseUser
from kinelog.domain.events import FrameRecorded
from kinelog.domain.identifiers import Person, shard_of
from kinelog.projections.errors import NewerViewsError
from kinelog.projections.fold import Rows
from kinelog.projections.parking import replay_parked
from kinelog.projections.rebuild import Rebuild
from kinelog.projections.view_store import BUILDING, LIVE, ViewStore, Write
from kinelog.projections.views import samples_by_session
from kinelog.projections.views.samples_by_session import SAMPLES_BY_SESSION, StoredBlock
from kinelog.projections.views.sessions_by_id import SESSIONS_BY_ID
from kinelog.projections.worker import ProjectionWorker

from tests.projections.gym_floor import CURL, NOON_MS, SQUAT, GymFloor
from tests.projections.test_parking import POISON, a_defect
from tests.projections.watch_frames import ae, muvr16_block

Dump = dict[str, list[tuple[object, ...]]]

VIEWS = (SESSIONS_BY_ID, SAMPLES_BY_SESSION)
"""Enough of them: a card that changes with every event, rows that are only appended, clocks."""


class Stores(ABC):
    """A kind of store."""

    @abstractmethod
    def open(self) -> ViewStore:
        """A store of its own for one worker; all of them are over the same data."""

    @abstractmethod
    def dump(self, state: str) -> Dump:
        """All rows of the generations in a state, with names that do not tell the generation."""

    def worker(self, floor: GymFloor) -> ProjectionWorker:
        """A worker that follows the floor's log."""
        return ProjectionWorker(floor.journal, floor.codec, self.open(), views=VIEWS)


class ViewStoreContract:
    """The promises. A subclass gives a fixture `stores`."""

    def test_offsets_begin_at_nothing_and_follow_the_log(self, floor: GymFloor, stores: Stores) -> None:
        store = stores.open()
        store.begin(VIEWS, floor.journal.incarnation, 4)
        (generation, _) = store.generations(LIVE)
        assert {shard: offset.position for shard, offset in store.offsets(generation).items()} == dict.fromkeys(
            range(4), 0
        )
        train(floor, "anna", 1)
        stores.worker(floor).catch_up()
        heads = {shard: floor.journal.head(shard) for shard in range(4)}
        assert {shard: offset.position for shard, offset in store.offsets(generation).items()} == heads

    def test_views_begin_once_however_many_begin_them(self, floor: GymFloor, stores: Stores) -> None:
        for _ in range(3):
            stores.open().begin(VIEWS, floor.journal.incarnation, 4)
        assert [found.state for found in stores.open().generations()] == [LIVE, LIVE]

    def test_another_log_begins_the_views_anew_and_newer_code_is_left_alone(
        self, floor: GymFloor, stores: Stores
    ) -> None:
        train(floor, "anna", 1)
        stores.worker(floor).catch_up()
        expected = stores.dump(LIVE)
        floor.journal.incarnation = "restored"
        stores.worker(floor).catch_up()
        assert {found.incarnation for found in stores.open().generations(LIVE)} == {"restored"}
        assert stores.dump(LIVE) == expected
        older = tuple(replace(view, version=view.version - 1) for view in VIEWS)
        with pytest.raises(NewerViewsError):
            stores.open().begin(older, "restored", 4)

    def test_workers_that_fold_the_same_shards_do_no_harm(self, floor: GymFloor, stores: Stores) -> None:
        with patch("kinelog.projections.worker.BATCH_EVENTS", 5):
            workers = [stores.worker(floor) for _ in range(2)]
            for number in range(4):
                train(floor, f"person-{number}", number)
                for _ in range(3):
                    workers[number % 2].step()
            for worker in workers:
                worker.catch_up()
        assert stores.dump(LIVE) == self.rebuilt(floor, stores)

    def test_a_rebuild_equals_the_live_rows_after_corrections_deletions_and_erasures(
        self, floor: GymFloor, stores: Stores
    ) -> None:
        people = [train(floor, f"person-{number}", number) for number in range(5)]
        worker = stores.worker(floor)
        worker.catch_up()
        for person, session in people[:2]:
            floor.correct(person, session, 1, 1, SQUAT)
        floor.end(*people[1])
        floor.delete(*people[2])
        floor.erase(people[3][0])
        worker.catch_up()
        live = stores.dump(LIVE)
        assert people[3][0].pseudonym not in str(live)
        assert people[4][0].pseudonym in str(live)
        assert self.rebuilt(floor, stores) == live
        floor.send(*people[4], 77, ae(NOON_MS + 90_000))
        for _ in range(4):  # a store may let a worker find out about the switch a moment later
            worker.catch_up()
        assert stores.dump(LIVE) != live
        assert self.rebuilt(floor, stores) == stores.dump(LIVE)

    def test_a_switch_waits_until_the_build_shows_what_readers_have_seen(self, floor: GymFloor, stores: Stores) -> None:
        person, session = train(floor, "anna", 1)
        worker = stores.worker(floor)
        worker.catch_up()
        store = stores.open()
        build = Rebuild(floor.journal, floor.codec, store, VIEWS)
        genuine = build._catch_up
        calls = iter(range(100))

        def overtaken(live: Mapping[int, int], write: Write) -> bool:
            done = genuine(live, write)
            if next(calls) == 0 and not isinstance(store, self.locking):
                floor.send(person, session, 50, ae(NOON_MS + 50_000))
                worker.catch_up()
            return done

        with patch.object(build, "_catch_up", overtaken):
            assert build.run()
        heads = {shard: floor.journal.head(shard) for shard in range(4)}
        for generation in store.generations(LIVE):
            assert {shard: offset.position for shard, offset in store.offsets(generation).items()} == heads

    def test_a_build_that_stops_is_taken_up_and_one_that_is_retired_is_not(
        self, floor: GymFloor, stores: Stores
    ) -> None:
        store = stores.open()
        first = store.take_up(VIEWS, floor.journal.incarnation, 4)
        assert stores.open().take_up(VIEWS, floor.journal.incarnation, 4) == first
        store.retire(first)
        assert store.generations(BUILDING) == []
        again = store.take_up(VIEWS, floor.journal.incarnation, 4)
        assert not set(again) & set(first)
        assert store.take_up(VIEWS, "another log", 4) != again

    def test_what_cannot_be_folded_waits_and_is_replayed_in_order(self, floor: GymFloor, stores: Stores) -> None:
        (anna, annas), (boris, _) = train(floor, "anna", 1, POISON), train(floor, "boris", 2)
        worker = stores.worker(floor)
        with a_defect():
            worker.catch_up()
            floor.send(anna, annas, 60, ae(NOON_MS + 60_000))
            worker.catch_up()
        store = stores.open()
        (generation,) = [found for found in store.generations(LIVE) if found.view == SAMPLES_BY_SESSION.name]
        parked = store.parked(generation)
        assert [row.error is None for row in parked] == [False] + [True] * (len(parked) - 1)
        assert [row.position for row in parked] == sorted(row.position for row in parked)
        assert store.parked_owners(generation) == {anna.persistence_id}
        assert store.parked(generation, boris.persistence_id) == []
        with a_defect():
            assert replay_parked(floor.journal, floor.codec, stores.open()).waiting == len(parked)
        assert replay_parked(floor.journal, floor.codec, stores.open()).folded == len(parked)
        assert store.parked(generation) == []
        assert stores.dump(LIVE) == self.rebuilt(floor, stores)

    def test_events_that_were_set_aside_while_a_replay_ran_do_not_wait_for_ever(
        self, floor: GymFloor, stores: Stores
    ) -> None:
        anna, annas = train(floor, "anna", 1, POISON)
        worker = stores.worker(floor)
        with a_defect():
            worker.catch_up()
        with patch.object(worker, "_sync"):  # it has not heard of the replay yet
            replay_parked(floor.journal, floor.codec, stores.open())
            floor.send(anna, annas, 60, ae(NOON_MS + 60_000))
            worker.step()
        for _ in range(20):  # a worker looks for what others did now and then only
            worker.step()
        store = stores.open()
        assert [row for found in store.generations(LIVE) for row in store.parked(found)] == []
        assert stores.dump(LIVE) == self.rebuilt(floor, stores)

    def test_a_value_that_cannot_be_stored_parks_its_event_and_nothing_of_it_is_written(
        self, floor: GymFloor, stores: Stores
    ) -> None:
        marked = ae(NOON_MS + 2000, seed=4711)
        anna, _ = train(floor, "anna", 1, marked)
        boris, _ = train(floor, "boris", 2)
        genuine = samples_by_session.stored_blocks

        def overflowing(rows: Rows, event: FrameRecorded) -> Iterable[StoredBlock]:
            for info, found in genuine(rows, event):
                yield (msgspec.structs.replace(info, duration_ms=2**70) if event.data == marked else info), found

        with patch.object(samples_by_session, "stored_blocks", overflowing):
            stores.worker(floor).catch_up()
        store = stores.open()
        owners = {owner for found in store.generations(LIVE) for owner in store.parked_owners(found)}
        assert owners == {anna.persistence_id}
        assert boris.pseudonym in str(stores.dump(LIVE))
        replay_parked(floor.journal, floor.codec, store)
        assert stores.dump(LIVE) == self.rebuilt(floor, stores)

    def test_an_erasure_reaches_a_build_that_never_ends(self, floor: GymFloor, stores: Stores) -> None:
        anna, _ = train(floor, "anna", 1)
        boris, _ = train(floor, "boris", 2)
        worker = stores.worker(floor)
        worker.catch_up()
        build = Rebuild(floor.journal, floor.codec, stores.open(), VIEWS)
        with patch.object(build, "_try_to_switch", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
            build.run()
        assert anna.pseudonym in str(stores.dump(BUILDING))
        floor.erase(anna)
        worker.catch_up()
        for state in (LIVE, BUILDING):
            assert anna.pseudonym not in str(stores.dump(state))
            assert boris.pseudonym in str(stores.dump(state))

    def test_a_build_behind_an_erasure_writes_nothing_that_it_can_still_open(
        self, floor: GymFloor, stores: Stores
    ) -> None:
        anna, _ = train(floor, "anna", 1)
        shard = shard_of(anna, 4)
        head = floor.journal.head(shard)
        floor.ask(anna, EraseUser(at_ms=floor.now_ms))  # the process dies before the key is destroyed
        stores.worker(floor).catch_up()
        build = Rebuild(floor.journal, floor.codec, stores.open(), VIEWS)
        with patch("kinelog.projections.rebuild.BATCH_EVENTS", head):
            assert not build.run(cancelled=lambda: build._position(shard) == head)
        assert anna.pseudonym not in str(stores.dump(BUILDING))

    locking: type[ViewStore] | tuple[()] = ()
    """Stores whose live workers stand still while a build catches up."""

    def rebuilt(self, floor: GymFloor, stores: Stores) -> Dump:
        assert Rebuild(floor.journal, floor.codec, stores.open(), VIEWS).run()
        return stores.dump(LIVE)


def train(floor: GymFloor, name: str, number: int, special: bytes | None = None) -> tuple[Person, str]:
    person = floor.register(name)
    session = floor.start(person, number)
    for sequence in range(6):
        at = NOON_MS + sequence * 1000
        data = ae(at, seed=number * 100 + sequence) if sequence % 2 else muvr16_block(at, seed=number)
        floor.send(person, session, sequence, special if special is not None and sequence == 2 else data)
    floor.send(person, session, 40, b"ae nonsense")
    floor.label(person, session, NOON_MS, NOON_MS + 4000, CURL)
    return person, session
