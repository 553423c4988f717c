"""The wait between two commits: who waits, how long, for whom, and who stops waiting because it does not help."""

from __future__ import annotations

import threading

import pytest
from kinelog.actors import effects, messages
from kinelog.actors.delays import Delays
from kinelog.actors.effects import Effect
from kinelog.actors.gathering import Gathering
from kinelog.actors.phase import Phase
from kinelog.actors.region import Region
from kinelog.actors.settings import ShardSettings
from kinelog.journal.memory_journal import MemoryJournal

from tests.actors.asking import MakeRegion, eventually, frames
from tests.actors.test_shard_machine import ADA, BEN, SESSION, Driver, with_session

WAITING = ShardSettings(gather_share=0.5, gather_limit_ms=20)


def waiting_shard(settings: ShardSettings = WAITING) -> tuple[Driver, list[Effect]]:
    """A shard that has just answered two people, whose commit took 10 ms; and what it wants done."""
    driver = with_session(settings, ADA, BEN)
    (commit,) = driver.submit((ADA, frames(SESSION, 0)), (BEN, frames(SESSION, 0)))
    assert isinstance(commit, effects.Commit)
    driver.now_ms += 10
    return driver, driver.step(messages.Committed(commit.after + 2))


def test_the_next_drain_waits_for_those_who_were_answered_and_takes_them_together() -> None:
    driver, todo = waiting_shard()
    assert [type(effect) for effect in todo] == [effects.Reply, effects.Gather]
    assert todo[1] == effects.Gather(1, 5)
    assert driver.submit((ADA, frames(SESSION, 1))) == []
    (commit,) = driver.submit((BEN, frames(SESSION, 1)))
    assert isinstance(commit, effects.Commit)
    assert len(commit.events) == 2


def test_who_does_not_come_back_is_not_waited_for_longer_than_said() -> None:
    driver, _ = waiting_shard()
    assert driver.submit((ADA, frames(SESSION, 1))) == []
    (commit,) = driver.step(messages.Gathered(1, waited=True))
    assert isinstance(commit, effects.Commit)
    assert len(commit.events) == 1
    assert driver.step(messages.Gathered(1, waited=True)) == []


def test_the_end_of_an_earlier_wait_does_not_end_this_one() -> None:
    driver, _ = waiting_shard()
    driver.submit((ADA, frames(SESSION, 1)))
    assert driver.step(messages.Gathered(0, waited=True)) == []
    assert driver.machine.phase is Phase.GATHERING
    assert driver.machine.serving


def test_a_shard_that_is_released_while_it_waits_stores_what_it_took_in() -> None:
    driver, _ = waiting_shard()
    driver.submit((ADA, frames(SESSION, 1)))
    todo = driver.step(messages.Release())
    assert [type(effect) for effect in todo] == [effects.Commit]


@pytest.mark.parametrize("settings", [ShardSettings(), ShardSettings(gather_share=0.5, gather_limit_ms=0)])
def test_without_a_share_nobody_waits(settings: ShardSettings) -> None:
    _, todo = waiting_shard(settings)
    assert [type(effect) for effect in todo] == [effects.Reply]


def test_one_user_alone_never_waits() -> None:
    gathering = Gathering(0.5, 20)
    assert gathering.after_commit(answered=1, waiting=0, took_ms=10) == 0


def test_a_wait_lasts_a_share_of_the_commit_and_never_longer_than_its_limit() -> None:
    gathering = Gathering(0.5, 20)
    assert [gathering.after_commit(8, 0, took) for took in (0, 1, 2, 10, 1_000)] == [0, 0, 1, 5, 20]


def test_waits_that_bring_nobody_become_rare_and_come_back_when_they_help() -> None:
    gathering = Gathering(0.5, 20)

    def rounds_until_a_wait() -> int:
        rounds = 1
        while not gathering.after_commit(8, 2, 10):
            rounds += 1
        return rounds

    seldom = []
    for _ in range(9):
        seldom.append(rounds_until_a_wait())
        gathering.ended(2)
    assert seldom == [1, 2, 3, 5, 9, 17, 33, 65, 65]
    rounds_until_a_wait()
    gathering.ended(10)
    assert rounds_until_a_wait() == 1


def test_a_wait_that_did_not_take_place_teaches_nothing() -> None:
    driver, _ = waiting_shard()
    driver.submit((ADA, frames(SESSION, 1)))
    (commit,) = driver.step(messages.Gathered(1, waited=False))
    assert isinstance(commit, effects.Commit)
    driver.submit((BEN, frames(SESSION, 1)), (BEN, frames(SESSION, 2)))
    driver.step(messages.Committed(commit.after + 1))  # a lone command: goes on without a wait
    (commit,) = [effect for effect in driver.done[-1:] if isinstance(effect, effects.Commit)]
    driver.now_ms += 10
    assert isinstance(driver.step(messages.Committed(commit.after + 2))[-1], effects.Gather)


def test_a_shard_waits_only_while_another_has_a_commit_in_flight(make_region: MakeRegion) -> None:
    region: Region = make_region(MemoryJournal(shards=1))
    eventually(region.ready)
    runner = region.shards[0]._runner
    assert runner is not None
    busy = runner._around.busy
    assert runner._gather(effects.Gather(1, 1)) == messages.Gathered(1, waited=False)
    busy.begin()
    assert runner._gather(effects.Gather(2, 1)) is None
    busy.end()
    assert runner._gather(effects.Gather(3, 1)) == messages.Gathered(3, waited=False)


def test_the_journal_says_whether_waiting_suits_it(make_region: MakeRegion) -> None:
    class Elsewhere(MemoryJournal):
        gather_share = 0.5

    for journal, share in ((MemoryJournal(shards=1), 0.0), (Elsewhere(shards=1), 0.5)):
        region = make_region(journal)
        eventually(region.ready)
        machine = region.shards[0].machine
        assert machine is not None
        assert machine._settings.gather_share == share


def test_calls_are_made_when_they_are_due_and_none_after_the_end() -> None:
    delays = Delays()
    delays.start()
    made: list[str] = []
    done = threading.Event()

    def late() -> None:
        made.append("late")
        done.set()

    def defect() -> None:
        raise RuntimeError("a call that raises does not end the thread")

    delays.later(40, late)
    delays.later(1, lambda: made.append("soon"))
    delays.later(0, defect)
    assert done.wait(20)
    assert made == ["soon", "late"]
    delays.later(10_000, lambda: made.append("never"))
    delays.stop()
    assert made == ["soon", "late"]
