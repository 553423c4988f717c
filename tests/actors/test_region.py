"""The region end to end: answers, bounds, crashes, passivation, abandoned sessions, erasure, the end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from kinelog.actors.answers import Accepted, Answer, Erased, Refused, Unavailable
from kinelog.actors.errors import MailboxFullError, StoppingError
from kinelog.actors.region import Region
from kinelog.actors.settings import RegionSettings, ShardSettings
from kinelog.domain import commands as ask
from kinelog.domain.events import SessionAbandoned
from kinelog.domain.identifiers import Person, shard_of
from kinelog.domain.replies import FramesRecorded, FrameStatus
from kinelog.domain.states import SessionState, SessionStatus
from kinelog.journal.errors import JournalError
from kinelog.journal.memory_journal import MemoryJournal
from kinelog.journal.records import Acquired, StoredEvent
from kinelog.journal.sqlite_journal import SqliteJournal
from kinelog.privacy.errors import ErasedPersonError
from kinelog.privacy.key_store import KeyStore
from prometheus_client import REGISTRY, generate_latest
from typing_extensions import override

from tests.actors.asking import START_MS, Asker, Clock, MakeRegion, eventually, frames, start_session


class GatedJournal(MemoryJournal):
    """Commits only while the gate is open."""

    def __init__(self, shards: int = 1) -> None:
        super().__init__(shards)
        self.gate = threading.Event()
        self.gate.set()
        self.waiting = threading.Semaphore(0)

    @override
    def commit(self, shard: int, epoch: int, after: int, commit_id: bytes, events: Sequence[StoredEvent]) -> int:
        self.waiting.release()
        self.gate.wait(20)
        return super().commit(shard, epoch, after, commit_id, events)


class CrashingJournal(MemoryJournal):
    """Raises what nobody expects at every n-th commit: sometimes before it is applied, sometimes after."""

    def __init__(self, every: int) -> None:
        super().__init__(shards=2)
        self._every = every
        self.handed_over = 0

    @override
    def commit(self, shard: int, epoch: int, after: int, commit_id: bytes, events: Sequence[StoredEvent]) -> int:
        self.handed_over += 1
        if self.handed_over % self._every == 0:
            if self.handed_over % (2 * self._every) == 0:
                super().commit(shard, epoch, after, commit_id, events)
            message = "a defect in an adapter"
            raise RuntimeError(message)
        return super().commit(shard, epoch, after, commit_id, events)


class ProvesElsewhere(MemoryJournal):
    """Answers who owns a shard later, on a thread of its own, as a store on other machines does."""

    def __init__(self) -> None:
        super().__init__(shards=1)
        self.gate = threading.Event()
        self.asked = threading.Event()

    @override
    def owns_soon(self, shard: int, epoch: int, done: Callable[[bool | JournalError], None]) -> None:
        def prove() -> None:
            self.asked.set()
            self.gate.wait(20)
            super(ProvesElsewhere, self).owns_soon(shard, epoch, done)

        threading.Thread(target=prove, name="elsewhere", daemon=True).start()


def residents(region: Region) -> int:
    return sum(len(shard.machine.residents) for shard in region.shards if shard.machine is not None)


def test_a_proof_of_ownership_that_takes_long_stops_nobody_else(
    make_region: MakeRegion, person: Person, session: str
) -> None:
    journal = ProvesElsewhere()
    asker = Asker(make_region(journal))
    start_session(asker, person, session)
    asker.ask(person, frames(session, 0))
    duplicate = asker.submit(person, frames(session, 0))  # stores nothing, so it needs a proof
    assert journal.asked.wait(20)
    behind = asker.submit(person, frames(session, 1))
    assert duplicate == behind == []
    journal.gate.set()
    eventually(lambda: bool(duplicate and behind))
    assert isinstance(duplicate[0], Accepted)
    assert isinstance(behind[0], Accepted)


def test_a_frame_that_no_commit_can_hold_is_refused_before_the_journal_hears_of_it(
    make_region: MakeRegion, person: Person, session: str
) -> None:
    journal = MemoryJournal(shards=1, commit_bytes=4_096)
    asker = Asker(make_region(journal))
    start_session(asker, person, session)
    head = journal.head(0)
    command = ask.RecordFrames(
        at_ms=START_MS,
        session=session,
        frames=(ask.IncomingFrame("watch", 0, bytes(4_096), None, START_MS),),
    )
    answer = asker.ask(person, command)
    assert isinstance(answer, Accepted)
    assert isinstance(answer.reply, FramesRecorded)
    assert answer.reply.outcomes[0].status is FrameStatus.REJECTED
    assert answer.reply.outcomes[0].error == "frame-too-large"
    assert journal.head(0) == head


def test_a_frame_is_stored_once_and_every_answer_names_its_place(
    asker: Asker, person: Person, session: str, journal: MemoryJournal
) -> None:
    start_session(asker, person, session)
    first = asker.ask(person, frames(session, 0))
    again = asker.ask(person, frames(session, 0, 1))
    assert isinstance(first, Accepted)
    assert isinstance(again, Accepted)
    assert isinstance(again.reply, FramesRecorded)
    assert [outcome.status for outcome in again.reply.outcomes] == [FrameStatus.DUPLICATE, FrameStatus.STORED]
    shard = shard_of(person, journal.shards)
    assert again.at.shard == shard
    assert first.at.position < again.at.position == journal.head(shard)


def test_refusals_reach_the_caller(asker: Asker, person: Person, session: str) -> None:
    answer = asker.ask(person, frames(session, 0))
    assert isinstance(answer, Refused)
    assert answer.rejection.code == "session-not-started"


def test_whoever_has_no_key_is_erased(asker: Asker, session: str) -> None:
    assert isinstance(asker.ask(Person("demo", "f" * 32), frames(session, 0)), Erased)


def test_every_ticket_is_answered_exactly_once_whatever_crashes(
    make_region: MakeRegion, keys: KeyStore, clock: Clock, session: str, caplog: pytest.LogCaptureFixture
) -> None:
    journal = CrashingJournal(every=7)
    region = make_region(journal)
    asker = Asker(region)
    people = [Person("demo", keys.enrol("demo", f"user {number}")) for number in range(8)]
    for someone in people:
        while not isinstance(asker.ask(someone, ask.RegisterUser(at_ms=START_MS)), Accepted):
            clock.advance(100)
        start = ask.StartSession(at_ms=START_MS, session=session, started_at_ms=START_MS)
        while not isinstance(asker.ask(someone, start), Accepted):
            clock.advance(100)
    answers: list[list[Answer]] = []

    def all_answered_while_time_goes_by() -> bool:
        clock.advance(5)
        return all(answers)

    for sequence in range(60):
        clock.advance(20)
        answers += [asker.submit(someone, frames(session, sequence)) for someone in people]
        # However much a drain takes in at once, so there are enough commits for some to crash.
        eventually(all_answered_while_time_goes_by)
    region.stop()
    assert [len(heard) for heard in answers] == [1] * len(answers)
    assert any(isinstance(heard[0], Unavailable) for heard in answers)
    assert sum(shard.restarts for shard in region.shards) > 0
    assert "crashed" in caplog.text
    stored = {
        (positioned.event.entity, positioned.event.sequence)
        for shard in range(journal.shards)
        for positioned in journal.read(shard, 0, 10_000)
    }
    acknowledged = sum(isinstance(heard[0], Accepted) for heard in answers)
    assert len(stored) >= acknowledged


def test_a_full_mailbox_turns_commands_away_until_there_are_answers(
    make_region: MakeRegion, person: Person, settings: RegionSettings
) -> None:
    journal = GatedJournal()
    region = make_region(journal, RegionSettings(mailbox_commands=3, tick_ms=settings.tick_ms))
    asker = Asker(region)
    journal.gate.clear()
    answers = [asker.submit(person, ask.RegisterUser(at_ms=START_MS))]
    journal.waiting.acquire()
    answers += [asker.submit(person, ask.ReadUser(at_ms=START_MS)) for _ in range(2)]
    with pytest.raises(MailboxFullError):
        asker.submit(person, ask.ReadUser(at_ms=START_MS))
    journal.gate.set()
    eventually(lambda: all(answers))
    assert isinstance(asker.ask(person, ask.ReadUser(at_ms=START_MS)), Accepted)


def test_the_event_loop_turns_while_a_commit_blocks_and_wakes_once_for_a_drain(
    make_region: MakeRegion, person: Person, session: str
) -> None:
    journal = GatedJournal()
    region = make_region(journal)
    start_session(Asker(region), person, session)
    while journal.waiting.acquire(blocking=False):
        pass

    async def main() -> tuple[list[str], int]:
        loop = asyncio.get_running_loop()
        wakes, order = 0, []
        wake = loop.call_soon_threadsafe

        def counted(*arguments: object) -> object:
            nonlocal wakes
            wakes += 1
            return wake(*arguments)  # type: ignore[arg-type]

        loop.call_soon_threadsafe = counted  # type: ignore[method-assign, assignment]
        journal.gate.clear()
        first = asyncio.ensure_future(region.ask(person, frames(session, 0)))
        await asyncio.to_thread(journal.waiting.acquire)
        rest = [asyncio.ensure_future(region.ask(person, frames(session, number))) for number in range(1, 40)]
        await asyncio.sleep(0)
        order.append("the loop turned")
        wakes = 0
        journal.gate.set()
        answers = await asyncio.gather(first, *rest)
        order.append("the answers came")
        assert all(isinstance(answer, Accepted) for answer in answers)
        return order, wakes

    order, wakes = asyncio.run(main())
    assert order == ["the loop turned", "the answers came"]
    assert wakes <= 2  # the drain that was in flight, and the one that gathered behind it


def test_whoever_gives_up_waiting_disturbs_nobody(make_region: MakeRegion, person: Person) -> None:
    journal = GatedJournal()
    region = make_region(journal)

    async def main() -> None:
        journal.gate.clear()
        impatient = asyncio.ensure_future(region.ask(person, ask.RegisterUser(at_ms=START_MS)))
        await asyncio.to_thread(journal.waiting.acquire)
        impatient.cancel()
        patient = asyncio.ensure_future(region.ask(person, ask.ReadUser(at_ms=START_MS)))
        await asyncio.sleep(0)
        journal.gate.set()
        assert isinstance(await patient, Accepted)

    asyncio.run(main())


def test_an_idle_entity_leaves_memory_and_comes_back_from_the_log(
    make_region: MakeRegion, clock: Clock, person: Person, session: str, tmp_path: Path
) -> None:
    (tmp_path / "log").mkdir()
    journal = SqliteJournal(tmp_path / "log" / "journal.db", shards=2)
    region = make_region(journal)
    asker = Asker(region)
    start_session(asker, person, session)
    for first in range(0, 300, 10):
        asker.ask(person, frames(session, *range(first, first + 10)))
    before = asker.ask(person, ask.ReadSession(at_ms=START_MS, session=session))
    assert residents(region) == 2
    clock.advance(121_000)
    eventually(lambda: residents(region) == 0)
    after = asker.ask(person, ask.ReadSession(at_ms=START_MS, session=session))
    assert isinstance(before, Accepted)
    assert isinstance(after, Accepted)
    assert after.reply == before.reply
    eventually(lambda: bool(journal.snapshots(person.session(session))))  # of 300 events
    region.stop()
    journal.close()


def test_the_least_recently_used_leave_when_there_are_too_many(make_region: MakeRegion, keys: KeyStore) -> None:
    shard = ShardSettings(resident_entities=20)
    region = make_region(MemoryJournal(shards=1), RegionSettings(tick_ms=5, shard=shard))
    asker = Asker(region)
    people = [Person("demo", keys.enrol("demo", f"user {number}")) for number in range(60)]
    for someone in people:
        asker.ask(someone, ask.RegisterUser(at_ms=START_MS))
    eventually(lambda: residents(region) <= 20)
    machine = region.shards[0].machine
    assert machine is not None
    assert people[-1].persistence_id in machine.residents
    assert people[0].persistence_id not in machine.residents


def test_a_silent_session_is_abandoned_after_passivation_and_by_the_next_process(
    make_region: MakeRegion, clock: Clock, person: Person, session: str, journal: MemoryJournal
) -> None:
    region = make_region()
    start_session(Asker(region), person, session)
    region.stop()
    clock.advance(31 * 60_000)
    second = make_region()
    entity, shard = person.session(session), shard_of(person, journal.shards)
    eventually(lambda: journal.read(shard, 0, 100)[-2].event.type == SessionAbandoned.__name__)
    answer = Asker(second).ask(person, ask.ReadSession(at_ms=clock.now_ms, session=session))
    assert isinstance(answer, Accepted)
    assert isinstance(answer.reply, SessionState)
    assert answer.reply.status is SessionStatus.ABANDONED
    assert sum(one.total("abandoned") for one in second.shards) == 1
    assert len([one for one in journal.replay(entity) if one.event.type == SessionAbandoned.__name__]) == 1


def test_erasing_destroys_the_key_before_it_is_confirmed(
    asker: Asker, person: Person, session: str, keys: KeyStore, journal: MemoryJournal, region: Region
) -> None:
    start_session(asker, person, session)
    asker.ask(person, frames(session, *range(150)))
    eventually(lambda: bool(journal.snapshots(person.session(session))))
    answer = asker.ask(person, ask.EraseUser(at_ms=START_MS))
    assert isinstance(answer, Accepted)
    assert keys.is_erased(*person)
    with pytest.raises(ErasedPersonError):
        keys.sealer(*person)
    assert not journal.snapshots(person.session(session))
    assert residents(region) == 0
    assert isinstance(asker.ask(person, frames(session, 200)), Erased)
    assert isinstance(asker.ask(person, ask.RegisterUser(at_ms=START_MS)), Erased)


def test_stopping_finishes_the_mailboxes_and_lets_the_next_start_read_less(
    make_region: MakeRegion, person: Person, session: str, journal: MemoryJournal
) -> None:
    region = make_region()
    asker = Asker(region)
    start_session(asker, person, session)
    answers = [asker.submit(person, frames(session, number)) for number in range(50)]
    region.stop()
    assert all(len(heard) == 1 and isinstance(heard[0], Accepted) for heard in answers)
    assert journal.snapshots(person.session(session))
    assert journal.snapshots(f"shard:{shard_of(person, journal.shards)}")
    with pytest.raises(StoppingError):
        asker.submit(person, frames(session, 51))
    assert not region.ready()


def test_a_store_that_hangs_does_not_keep_anybody_waiting_at_the_end(make_region: MakeRegion, person: Person) -> None:
    journal = GatedJournal()
    region = make_region(journal)
    asker = Asker(region)
    journal.gate.clear()
    hanging = asker.submit(person, ask.RegisterUser(at_ms=START_MS))
    journal.waiting.acquire()
    behind = asker.submit(person, ask.ReadUser(at_ms=START_MS))
    region.stop(0.1)
    assert [hanging, behind] == [[Unavailable("outcome-unknown")], [Unavailable("stopping")]]
    journal.gate.set()
    eventually(lambda: journal.head(0) == 1)
    assert len(hanging) == 1


def test_commands_may_wait_for_their_shard_and_their_shard_comes_first(make_region: MakeRegion, keys: KeyStore) -> None:
    order: list[int] = []

    class Noting(MemoryJournal):
        @override
        def acquire(self, shard: int, owner: str) -> Acquired:
            order.append(shard)
            return super().acquire(shard, owner)

    journal = Noting(shards=16)
    region = make_region(journal, RegionSettings(tick_ms=5, acquisitions=1), start=False)
    someone = next(
        person
        for person in (Person("demo", keys.enrol("demo", f"user {number}")) for number in range(1_000))
        if shard_of(person, 16) == 11
    )
    answers = Asker(region).submit(someone, ask.RegisterUser(at_ms=START_MS))
    assert not region.ready()
    region.start()
    eventually(region.ready)
    eventually(lambda: bool(answers))
    assert order[0] == 11
    assert sorted(order) == list(range(16))


def test_metrics_speak_of_every_shard(asker: Asker, person: Person) -> None:
    asker.ask(person, ask.RegisterUser(at_ms=START_MS))
    text = generate_latest(REGISTRY).decode()
    assert 'kinelog_actors_commits_total{shard="0"}' in text
    assert 'kinelog_actors_mailbox_depth{shard="3"} 0.0' in text
    assert sum(shard.total("commits") for shard in asker.region.shards) == 1
