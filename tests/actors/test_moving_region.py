"""A region whose shards come and go: what callers hear, and what the next owner finds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import msgspec
import pytest
from kinelog.actors.answers import REPEATABLE, Accepted, Answer, Unavailable
from kinelog.actors.errors import NotOwnerError
from kinelog.actors.region import Region
from kinelog.actors.settings import RegionSettings
from kinelog.domain import commands as ask
from kinelog.domain.events import FrameRecorded
from kinelog.domain.identifiers import Person, shard_of
from kinelog.journal.errors import JournalError
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.memory_journal import MemoryJournal
from kinelog.journal.records import Acquired, Snapshot, StoredEvent
from kinelog.privacy.key_store import KeyStore
from typing_extensions import override

from tests.actors.asking import START_MS, Asker, Clock, eventually, frames, start_session

REGISTER = ask.RegisterUser(at_ms=START_MS)


class SlowCommits(MemoryJournal):
    """Ends a commit only when a test says so, on a thread of its own, as a store on other machines does."""

    def __init__(self, shards: int = 1) -> None:
        super().__init__(shards)
        self.gate = threading.Event()
        self.gate.set()
        self.under_way = threading.Semaphore(0)

    @override
    def commit_soon(
        self,
        shard: int,
        epoch: int,
        after: int,
        commit_id: bytes,
        events: Sequence[StoredEvent],
        done: Callable[[int | JournalError], None],
    ) -> None:
        def commit() -> None:
            self.under_way.release()
            self.gate.wait(20)
            super(SlowCommits, self).commit_soon(shard, epoch, after, commit_id, events, done)

        threading.Thread(target=commit, name="slow-store", daemon=True).start()


@contextmanager
def owner(
    journal: MemoryJournal,
    keys: KeyStore,
    settings: RegionSettings,
    assigned: Sequence[int] = (),
    lease: Callable[[], float] = lambda: float("inf"),
) -> Iterator[Region]:
    region = Region(
        journal, keys, EventCodec(keys), settings=settings, clock=Clock(), assigned=assigned, lease=lease
    )  # fmt: skip
    region.start()
    try:
        yield region
    finally:
        region.stop(2.0)


def let_go(region: Region, shard: int) -> None:
    gone = threading.Event()
    region.release(shard, gone.set)
    assert gone.wait(20)


def test_a_region_serves_only_what_it_was_assigned(keys: KeyStore, person: Person, settings: RegionSettings) -> None:
    journal = MemoryJournal(shards=4)
    mine = shard_of(person, 4)
    with owner(journal, keys, settings) as region:
        assert region.ready(), "it has nothing to do, and does that"
        with pytest.raises(NotOwnerError) as refused:
            region.submit(person, REGISTER, lambda _: None)
        assert refused.value.shard == mine
        region.assign({mine})
        assert isinstance(Asker(region).ask(person, REGISTER), Accepted)
        assert [one.shard for one in region.status() if one.assigned] == [mine]
        assert [journal.head(shard) > 0 for shard in range(4)] == [shard == mine for shard in range(4)]


def test_a_shard_moves_to_and_fro_and_every_frame_is_there_once(
    keys: KeyStore, person: Person, session: str, settings: RegionSettings
) -> None:
    journal = MemoryJournal(shards=1)
    with owner(journal, keys, settings, [0]) as first, owner(journal, keys, settings) as second:
        start_session(Asker(first), person, session)
        here, there = first, second
        for number in range(6):
            assert isinstance(Asker(here).ask(person, frames(session, number)), Accepted)
            let_go(here, 0)
            there.assign({0})
            here, there = there, here
        state = Asker(here).ask(person, ask.ReadSession(at_ms=START_MS, session=session))
        assert isinstance(state, Accepted)
        assert state.at.position == journal.head(0) == 3 + 6
        assert first.status()[0].moves == 4
        assert here.status()[0].epoch == 7


def test_a_planned_move_finishes_the_commit_in_flight_and_gives_the_rest_back(
    keys: KeyStore, person: Person, session: str, settings: RegionSettings
) -> None:
    journal = SlowCommits()
    with owner(journal, keys, settings, [0]) as region:
        asker = Asker(region)
        start_session(asker, person, session)
        while journal.under_way.acquire(blocking=False):
            pass
        journal.gate.clear()
        in_flight = asker.submit(person, frames(session, 0))
        assert journal.under_way.acquire(timeout=20)
        behind = [asker.submit(person, frames(session, number)) for number in (1, 2)]
        gone = threading.Event()
        region.release(0, gone.set)
        eventually(lambda: all(behind))
        assert behind == [[Unavailable("moved")], [Unavailable("moved")]]
        assert not gone.is_set()
        with pytest.raises(NotOwnerError):
            asker.submit(person, frames(session, 3))
        journal.gate.set()
        assert gone.wait(20)
        assert isinstance(in_flight[0], Accepted)
        assert journal.head(0) == 4


def test_what_a_repeatable_answer_names_is_not_in_the_log(
    keys: KeyStore, person: Person, session: str, settings: RegionSettings
) -> None:
    journal = MemoryJournal(shards=1)
    turned_away = 0
    with owner(journal, keys, settings, [0]) as region:
        asker = Asker(region)
        start_session(asker, person, session)
        answers: dict[int, list[Answer]] = {}
        for number in range(400):
            leaves = number % 20 == 19
            if leaves:
                region.release(0, lambda: None)
            try:
                answers[number] = asker.submit(person, frames(session, number))
            except NotOwnerError:
                turned_away += 1
            if leaves:
                region.assign({0})
        eventually(lambda: all(answers.values()) and region.ready())
    codec = EventCodec(keys)
    events = [codec.open(positioned.event) for positioned in journal.read(0, 0, 10_000)]
    stored = [event.sequence for event in events if isinstance(event, FrameRecorded)]
    accepted = [at for at, (answer,) in answers.items() if isinstance(answer, Accepted)]
    handed_back = [at for at, (answer,) in answers.items() if isinstance(answer, Unavailable)]
    assert {answer.reason for (answer,) in answers.values() if isinstance(answer, Unavailable)} <= REPEATABLE
    assert stored == accepted
    assert len(accepted) + len(handed_back) + turned_away == 400
    assert turned_away >= 20, "while it leaves, for certain"


def test_a_shard_that_is_wanted_again_while_it_leaves_comes_back(
    keys: KeyStore, person: Person, settings: RegionSettings
) -> None:
    journal = SlowCommits()
    with owner(journal, keys, settings, [0]) as region:
        asker = Asker(region)
        eventually(region.ready)
        journal.gate.clear()
        in_flight = asker.submit(person, REGISTER)
        assert journal.under_way.acquire(timeout=20)
        region.assign(())
        assert region.status()[0].phase == "leaving"
        region.assign({0})
        journal.gate.set()
        eventually(lambda: region.status()[0].assigned and region.ready())
        assert isinstance(in_flight[0], Accepted)
        assert region.status()[0].epoch == 2
        assert isinstance(asker.ask(person, ask.ReadUser(at_ms=START_MS)), Accepted)


def test_who_lost_the_session_says_so_at_once_and_never_twice(
    keys: KeyStore, person: Person, session: str, settings: RegionSettings
) -> None:
    journal = SlowCommits()
    with owner(journal, keys, settings, [0]) as region:
        asker = Asker(region)
        start_session(asker, person, session)
        while journal.under_way.acquire(blocking=False):
            pass
        journal.gate.clear()
        in_flight = asker.submit(person, frames(session, 0))
        assert journal.under_way.acquire(timeout=20)
        region.forget([0])
        assert in_flight == [Unavailable("lost")]
        with pytest.raises(NotOwnerError):
            asker.submit(person, frames(session, 1))
        assert region.status()[0].mailbox == 0
        region.assign({0})
        eventually(region.ready)
        journal.gate.set()
        answer = asker.ask(person, frames(session, 0))
        assert isinstance(answer, Accepted)
        assert in_flight == [Unavailable("lost")]


def test_past_the_lease_nothing_is_acknowledged_and_nothing_acquired(
    keys: KeyStore, person: Person, session: str, settings: RegionSettings
) -> None:
    journal = SlowCommits()
    until = [float("inf")]
    with owner(journal, keys, settings, [0], lambda: until[0]) as region:
        asker = Asker(region)
        start_session(asker, person, session)
        while journal.under_way.acquire(blocking=False):
            pass
        journal.gate.clear()
        committed = asker.submit(person, frames(session, 0))
        assert journal.under_way.acquire(timeout=20)
        until[0] = time.monotonic() - 1.0
        journal.gate.set()
        eventually(lambda: bool(committed))
        assert committed == [Unavailable("lost")]
        assert journal.head(0) == 4, "it was stored, and yet is not acknowledged"
        assert asker.ask(person, ask.ReadUser(at_ms=START_MS)) == Unavailable("lost")
        epoch = region.status()[0].epoch
        region.forget([0])
        region.assign({0})
        eventually(lambda: region.status()[0].phase == "backing_off")
        assert journal.acquire(0, "somebody else").epoch == epoch + 1


def test_the_snapshots_of_a_shard_that_leaves_are_there_when_it_has_left(
    keys: KeyStore, person: Person, session: str, settings: RegionSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is waited for is that they are on their way, for a moment: with one thread that is that they are there.
    monkeypatch.setattr("kinelog.actors.surroundings.SNAPSHOTS_MS", 60_000)
    journal = MemoryJournal(shards=1)
    with owner(journal, keys, msgspec.structs.replace(settings, recovery_threads=1), [0]) as region:
        start_session(Asker(region), person, session)
        Asker(region).ask(person, frames(session, *range(50)))
        let_go(region, 0)
        assert journal.snapshots("shard:0")
        assert journal.snapshots(person.session(session))


def test_a_store_that_takes_no_snapshots_delays_a_move_by_a_moment_only(
    keys: KeyStore, person: Person, session: str, settings: RegionSettings
) -> None:
    class Hanging(MemoryJournal):
        gate = threading.Event()

        @override
        def save_snapshot(self, snapshot: Snapshot) -> None:
            self.gate.wait(20)
            super().save_snapshot(snapshot)

    journal = Hanging(shards=1)
    try:
        with owner(journal, keys, settings, [0]) as region:
            start_session(Asker(region), person, session)
            Asker(region).ask(person, frames(session, *range(50)))
            let_go(region, 0)
            assert not journal.snapshots(person.session(session))
            journal.gate.set()
    finally:
        journal.gate.set()


def test_a_crash_while_a_shard_leaves_ends_the_leaving(
    keys: KeyStore, person: Person, settings: RegionSettings
) -> None:
    class Raising(MemoryJournal):
        @override
        def commit_soon(self, *arguments: object, **more: object) -> None:
            message = "a defect in an adapter"
            raise RuntimeError(message)

    with owner(Raising(1), keys, settings, [0]) as region:
        eventually(region.ready)
        answers = Asker(region).submit(person, REGISTER)
        let_go(region, 0)
        eventually(lambda: bool(answers))
        assert answers in ([Unavailable("outcome-unknown")], [Unavailable("moved")])
        assert region.status()[0].phase == "away"


def test_the_shards_of_a_failed_node_start_no_herd(keys: KeyStore, settings: RegionSettings) -> None:
    class Counting(MemoryJournal):
        def __init__(self) -> None:
            super().__init__(16)
            self.lock = threading.Lock()
            self.together = threading.Event()
            self.at_once = {"snapshots": 0, "acquire": 0}
            self.most = {"snapshots": 0, "acquire": 0}

        @contextmanager
        def counted(self, what: str) -> Iterator[None]:
            with self.lock:
                self.at_once[what] += 1
                self.most[what] = max(self.most[what], self.at_once[what])
                if self.at_once["snapshots"] > 1:
                    self.together.set()
            if what == "snapshots":
                self.together.wait(10)  # the first waits for company: recoveries do not go one by one
            threading.Event().wait(0.001)
            yield
            with self.lock:
                self.at_once[what] -= 1

        @override
        def snapshots(self, entity: str) -> list[Snapshot]:
            if entity.startswith("shard:"):
                return super().snapshots(entity)
            with self.counted("snapshots"):
                return super().snapshots(entity)

        @override
        def acquire(self, shard: int, owner: str) -> Acquired:
            with self.counted("acquire"):
                return super().acquire(shard, owner)

    journal = Counting()
    people = [Person("demo", keys.enrol("demo", f"user {number}")) for number in range(200)]
    with owner(journal, keys, settings) as region:
        region.assign(range(16))
        asker = Asker(region)
        answers = [asker.submit(someone, REGISTER) for someone in people]
        eventually(lambda: all(answers))
    assert all(isinstance(answer, Accepted) for (answer,) in answers)
    assert journal.most["acquire"] <= settings.acquisitions
    assert 1 < journal.most["snapshots"] <= settings.recovery_threads
