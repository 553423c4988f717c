"""The machine by itself: what it asks for, in which order, and what it keeps to itself."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

import pytest
from kinelog.actors import effects, messages
from kinelog.actors.answers import Accepted, Answer, Erased, Refused, Unavailable
from kinelog.actors.effects import Effect
from kinelog.actors.messages import Message, Pending
from kinelog.actors.rules import DOMAIN_RULES
from kinelog.actors.settings import ShardSettings
from kinelog.actors.shard_machine import ShardMachine
from kinelog.domain import commands as ask
from kinelog.domain import decider
from kinelog.domain.commands import Command
from kinelog.domain.decider import Decision, State, initial
from kinelog.domain.errors import Rejection
from kinelog.domain.identifiers import Person, person_of
from kinelog.domain.limits import DEFAULT_LIMITS, Limits
from kinelog.domain.states import UserState
from kinelog.domain.values import Purpose

from tests.actors.asking import START_MS, frames

ADA, BEN = Person("demo", "a" * 32), Person("demo", "b" * 32)
SESSION = str(uuid.UUID(int=1))
ENTROPY = bytes(16)
PURPOSE = Purpose.TRAINING_MODELS


class Driver:
    """Steps a machine, and plays a store that always answers well unless a test answers for it."""

    def __init__(self, machine: ShardMachine) -> None:
        self.machine = machine
        self.now_ms = START_MS
        self.answers: dict[object, list[Answer]] = {}
        self.done: list[Effect] = []

    def step(self, message: Message) -> list[Effect]:
        """One step; its effects, not executed but for replies."""
        todo = self.machine.step(message, self.now_ms, ENTROPY)
        for effect in todo:
            if isinstance(effect, effects.Reply):
                for ticket, answer in effect.answers:
                    self.answers.setdefault(ticket, []).append(answer)
        self.done += todo
        return todo

    def run(self, message: Message) -> None:
        """Step until nothing is asked for any more."""
        work = [message]
        while work:
            for effect in self.step(work.pop(0)):
                work += self.answer(effect)

    def answer(self, effect: Effect) -> list[Message]:
        """What a store in good health says."""
        simple: dict[type[Effect], Message] = {
            effects.Acquire: messages.Acquired(1, 0),
            effects.Restore: messages.Restored({}, (), 0),
            effects.ProveOwnership: messages.Owned(),
            effects.Forget: messages.Forgotten(),
        }
        if isinstance(effect, effects.Recover):
            return [messages.Recovered(effect.entity, effect.recovery, initial(effect.entity), 0)]
        if isinstance(effect, effects.Commit):
            return [messages.Committed(effect.after + len(effect.events))]
        return [simple[type(effect)]] if type(effect) in simple else []

    def submit(self, *commands: tuple[Person, Command]) -> list[Effect]:
        """Submit commands in one go, with tickets 0, 1, …; the effects of that step."""
        first = len(self.answers)
        pending = [Pending(person, command, first + at) for at, (person, command) in enumerate(commands)]
        return self.step(messages.Submitted(pending))

    def wanted(self, kind: type[Effect]) -> list[Effect]:
        """All effects of a kind so far."""
        return [effect for effect in self.done if isinstance(effect, kind)]


def ready(settings: ShardSettings | None = None, **rules: object) -> Driver:
    machine = ShardMachine(0, DEFAULT_LIMITS, settings, DOMAIN_RULES._replace(**rules))  # type: ignore[arg-type]
    driver = Driver(machine)
    driver.run(messages.Start())
    return driver


REGISTER = ask.RegisterUser(at_ms=START_MS)
START = ask.StartSession(at_ms=START_MS, session=SESSION, started_at_ms=START_MS)


def with_session(settings: ShardSettings | None = None, *people: Person) -> Driver:
    driver = ready(settings)
    for number, person in enumerate(people or (ADA,)):
        driver.run(messages.Submitted([Pending(person, REGISTER, f"r{number}"), Pending(person, START, f"s{number}")]))
    driver.answers.clear()
    driver.done.clear()
    return driver


def test_nobody_is_answered_before_the_commit_is_known() -> None:
    driver = with_session()
    (commit,) = driver.submit((ADA, frames(SESSION, 0)), (ADA, frames(SESSION, 0)))
    assert isinstance(commit, effects.Commit)
    assert len(commit.events) == 1
    assert not driver.answers
    driver.step(messages.Committed(commit.after + 1))
    assert [len(driver.answers[ticket]) for ticket in (0, 1)] == [1, 1]


def test_one_commit_carries_the_events_of_many_people_with_a_sequence_for_each_entity() -> None:
    driver = with_session(None, ADA, BEN)
    (commit,) = driver.submit((ADA, frames(SESSION, 0, 1)), (BEN, frames(SESSION, 0)), (ADA, frames(SESSION, 2)))
    assert isinstance(commit, effects.Commit)
    places = [(entity, sequence) for entity, sequence, _ in commit.events]
    ada, ben = ADA.session(SESSION), BEN.session(SESSION)
    assert places == [(ada, 2), (ada, 3), (ben, 2), (ada, 4)]


def test_whoever_waits_for_a_recovery_holds_nobody_up_and_keeps_their_own_order() -> None:
    driver = ready()
    driver.run(messages.Submitted([Pending(BEN, REGISTER, "ben")]))
    driver.done.clear()
    todo = driver.submit((ADA, REGISTER), (ADA, START), (BEN, ask.GiveConsent(at_ms=START_MS, purpose=PURPOSE)))
    assert [type(effect) for effect in todo] == [effects.Recover, effects.Commit]
    driver.run(messages.Committed(2))
    assert isinstance(driver.answers[2 + 1][0], Accepted)
    (recover,) = driver.wanted(effects.Recover)
    for message in driver.answer(recover):
        driver.run(message)
    assert [isinstance(driver.answers[ticket][0], Accepted) for ticket in (1, 2)] == [True, True]


def test_recoveries_are_shared_and_capped() -> None:
    driver = ready(ShardSettings(recoveries=2))
    people = [Person("demo", f"{number:032x}") for number in range(5)]
    driver.submit(*((person, REGISTER) for person in people for _ in range(3)))
    first = driver.wanted(effects.Recover)
    assert len(first) == 2
    for message in driver.answer(first[0]):
        driver.step(message)
    assert len(driver.wanted(effects.Recover)) == 3


def test_what_one_person_may_park_is_bounded() -> None:
    driver = ready(ShardSettings(parked_per_person=2))
    driver.submit(*[(ADA, REGISTER)] * 3)
    assert driver.answers == {2: [Unavailable("busy")]}


def test_a_recovery_that_was_given_up_changes_nothing() -> None:
    driver = ready()
    driver.submit((ADA, REGISTER))
    (recover,) = driver.wanted(effects.Recover)
    assert isinstance(recover, effects.Recover)
    driver.step(messages.Recovered(recover.entity, recover.recovery + 1, initial(recover.entity), 7))
    assert not driver.answers
    assert len(driver.machine.residents) == 0


def test_a_failed_recovery_answers_those_who_wait_for_it_and_nobody_else() -> None:
    driver = ready()
    driver.submit((ADA, REGISTER), (BEN, REGISTER))
    ada, ben = driver.wanted(effects.Recover)
    assert isinstance(ada, effects.Recover)
    driver.step(messages.RecoveryFailed(ada.entity, ada.recovery))
    assert driver.answers == {0: [Unavailable("recovery-failed")]}
    for message in driver.answer(ben):
        driver.run(message)
    assert isinstance(driver.answers[1][0], Accepted)


def test_a_commit_is_bounded_in_commands_and_in_bytes() -> None:
    driver = with_session(ShardSettings(commit_commands=2))
    (commit,) = driver.submit(*((ADA, frames(SESSION, number)) for number in range(5)))
    assert isinstance(commit, effects.Commit)
    assert len(commit.events) == 2
    driver.run(messages.Committed(commit.after + 2))
    assert len(driver.answers) == 5
    driver = with_session(ShardSettings(commit_bytes=500))
    (commit,) = driver.submit(*((ADA, frames(SESSION, number)) for number in range(5)))
    assert isinstance(commit, effects.Commit)
    assert len(commit.events) == 2


def test_a_commit_that_is_too_large_is_cut_and_a_command_that_is_too_large_is_refused() -> None:
    driver = with_session()
    driver.submit(*((ADA, frames(SESSION, number)) for number in range(4)))
    (half,) = driver.step(messages.CommitTooLarge())
    assert isinstance(half, effects.Commit)
    assert len(half.events) == 2
    (one,) = driver.step(messages.CommitTooLarge())
    assert isinstance(one, effects.Commit)
    assert len(one.events) == 1
    driver.step(messages.CommitTooLarge())
    driver.run(messages.Committed(one.after + 1))
    answers = [driver.answers[ticket][0] for ticket in range(4)]
    refused = [answer for answer in answers if isinstance(answer, Refused)]
    assert [answer.rejection.code for answer in refused] == ["too-large"]
    assert sum(isinstance(answer, Accepted) for answer in answers) == 3


def test_a_missing_key_costs_only_whose_it_is() -> None:
    driver = with_session(None, ADA, BEN)
    driver.submit((ADA, frames(SESSION, 0)), (BEN, frames(SESSION, 0)))
    (commit,) = driver.step(messages.KeyMissing(ADA))
    assert isinstance(commit, effects.Commit)
    assert {entity for entity, _, _ in commit.events} == {BEN.session(SESSION)}
    driver.step(messages.Committed(commit.after + 1))
    assert driver.answers[0] == [Erased()]
    assert isinstance(driver.answers[1][0], Accepted)


def test_a_command_that_makes_the_domain_raise_costs_only_itself() -> None:
    def decide(person: Person, command: Command, states: Mapping[str, State], limits: Limits) -> Decision | Rejection:
        if isinstance(command, ask.SetProfile):
            message = "a defect"
            raise ZeroDivisionError(message)
        return decider.decide(person, command, states, limits)

    driver = ready(None, decide=decide)
    driver.run(messages.Submitted([Pending(ADA, REGISTER, "register")]))
    profile = ask.SetProfile(at_ms=START_MS, profile=REGISTER.profile)
    consent = ask.GiveConsent(at_ms=START_MS, purpose=PURPOSE)
    for effect in driver.submit((ADA, profile), (ADA, consent)):
        for message in driver.answer(effect):
            driver.run(message)
    assert driver.answers[1] == [Unavailable("defect", 60.0)]
    assert isinstance(driver.answers[2][0], Accepted)
    (report,) = driver.wanted(effects.ReportDefect)
    assert isinstance(report, effects.ReportDefect)
    assert isinstance(report.error, ZeroDivisionError)


@pytest.mark.parametrize("reason", ["storage-full", "store-unavailable"])
def test_a_definite_failure_answers_unavailable_and_the_same_command_succeeds_later(reason: str) -> None:
    driver = with_session()
    driver.submit((ADA, frames(SESSION, 0)))
    driver.step(messages.CommitFailed(reason))
    assert driver.answers[0] == [Unavailable(reason)]
    (commit,) = driver.submit((ADA, frames(SESSION, 0)))
    assert isinstance(commit, effects.Commit)
    assert commit.events[0][1] == 2


def test_a_fenced_owner_answers_everybody_forgets_everything_and_comes_back() -> None:
    driver = with_session()
    driver.submit((ADA, frames(SESSION, 0)))
    driver.step(messages.Submitted([Pending(BEN, REGISTER, "behind")]))
    driver.step(messages.Fenced())
    assert driver.answers == {0: [Unavailable("fenced")], "behind": [Unavailable("fenced")]}
    assert len(driver.machine.residents) == 0
    driver.step(messages.Submitted([Pending(BEN, REGISTER, "later")]))
    assert driver.answers["later"] == [Unavailable("fenced")]
    assert not driver.machine.serving
    driver.now_ms += 1_000
    driver.run(messages.Ticked())
    assert driver.machine.serving


def test_an_unknown_outcome_takes_a_new_epoch_and_asks_about_the_old_commit() -> None:
    driver = with_session()
    (commit,) = driver.submit((ADA, frames(SESSION, 0)))
    assert isinstance(commit, effects.Commit)
    assert driver.step(messages.OutcomeUnknown()) == [effects.Acquire()]
    (judge,) = driver.step(messages.Acquired(2, commit.after + 1))
    assert judge == effects.Judge(commit.epoch, commit.after, commit.commit_id)
    assert not driver.answers


def test_an_unknown_outcome_that_stays_unknown_is_said_to_be_so_once() -> None:
    driver = with_session()
    driver.submit((ADA, frames(SESSION, 0)))
    driver.step(messages.OutcomeUnknown())
    driver.step(messages.AcquireFailed())
    assert driver.answers == {0: [Unavailable("outcome-unknown")]}
    driver.now_ms += 10_000
    assert effects.Acquire() in driver.step(messages.Ticked())
    driver.step(messages.Acquired(3, 4))
    assert driver.answers == {0: [Unavailable("outcome-unknown")]}


def test_a_snapshot_is_taken_every_hundred_events_and_at_a_sessions_end() -> None:
    driver = with_session()
    driver.run(messages.Submitted([Pending(ADA, frames(SESSION, *range(99)), "many")]))
    saved = driver.wanted(effects.SaveSnapshot)
    assert [(one.entity, one.sequence) for one in saved if isinstance(one, effects.SaveSnapshot)] == [
        (ADA.session(SESSION), 100)
    ]
    end = ask.EndSession(at_ms=START_MS, session=SESSION, final=True)
    driver.run(messages.Submitted([Pending(ADA, end, "end")]))
    assert len(driver.wanted(effects.SaveSnapshot)) == 2


def test_a_release_saves_what_shortens_the_next_start_and_nothing_is_taken_after_it() -> None:
    driver = with_session()
    driver.run(messages.Submitted([Pending(ADA, frames(SESSION, *range(50)), "some")]))
    driver.done.clear()
    driver.step(messages.Release())
    assert [type(effect) for effect in driver.done] == [
        effects.SaveShardSnapshot,
        effects.SaveSnapshot,
        effects.Released,
    ]
    driver.step(messages.Submitted([Pending(ADA, REGISTER, "late")]))
    assert driver.answers["late"] == [Unavailable("stopping")]


def test_a_release_waits_for_what_is_parked_and_in_flight() -> None:
    driver = ready()
    driver.submit((ADA, REGISTER))
    assert driver.step(messages.Release()) == []
    (recover,) = driver.wanted(effects.Recover)
    for message in driver.answer(recover):
        driver.run(message)
    assert isinstance(driver.answers[0][0], Accepted)
    assert driver.wanted(effects.Released)


def test_an_erased_person_is_told_after_the_key_is_gone_and_others_at_once() -> None:
    driver = with_session(None, ADA, BEN)
    driver.submit((ADA, ask.EraseUser(at_ms=START_MS)), (BEN, frames(SESSION, 0)), (ADA, REGISTER))
    driver.step(messages.Committed(8))
    assert set(driver.answers) == {1}
    assert driver.step(messages.ForgetFailed()) == []
    driver.now_ms += 10_000
    assert driver.step(messages.Ticked()) == [effects.Forget((ADA,))]
    driver.step(messages.Forgotten())
    assert isinstance(driver.answers[0][0], Accepted)
    assert driver.answers[2] == [Erased()]
    assert {entity.split("/")[1] for entity in driver.machine.residents} == {BEN.pseudonym}


def test_an_erasure_that_a_crash_left_unfinished_is_finished_before_anything_is_served() -> None:
    driver = Driver(ShardMachine(0, DEFAULT_LIMITS))
    driver.step(messages.Start())
    driver.step(messages.Acquired(2, 5))
    driver.step(messages.Submitted([Pending(ADA, REGISTER, "waiting")]))
    assert driver.step(messages.Restored({}, (BEN,), 0)) == [effects.Forget((BEN,))]
    assert driver.step(messages.Forgotten())[0] == effects.Recover(ADA.persistence_id, (2 << 40) + 1)


def test_queries_answer_the_state_after_proof() -> None:
    driver = with_session()
    (proof,) = driver.submit((ADA, ask.ReadUser(at_ms=START_MS)))
    assert isinstance(proof, effects.ProveOwnership)
    assert not driver.answers
    driver.step(messages.Owned())
    answer = driver.answers[0][0]
    assert isinstance(answer, Accepted)
    assert isinstance(answer.reply, UserState)


def test_silent_sessions_are_looked_at_a_few_at_a_time_and_an_unreadable_one_not_at_every_tick() -> None:
    people = [Person("demo", f"{number:032x}") for number in range(5)]
    sessions = {person.session(SESSION): START_MS for person in people}
    driver = Driver(ShardMachine(0, DEFAULT_LIMITS, ShardSettings(abandonments=2)))
    driver.step(messages.Start())
    driver.step(messages.Acquired(1, 10))
    driver.step(messages.Restored(sessions, (), 10))
    driver.now_ms += DEFAULT_LIMITS.silence_ms
    driver.step(messages.Ticked())
    asked = recovering(driver)
    assert len(asked) == 2
    for effect in driver.wanted(effects.Recover):
        assert isinstance(effect, effects.Recover)
        driver.step(messages.RecoveryFailed(effect.entity, effect.recovery))
    driver.done.clear()
    driver.step(messages.Ticked())
    assert len(recovering(driver)) == 2
    assert not recovering(driver) & asked


def recovering(driver: Driver) -> set[Person]:
    """Whose entities the machine asked for."""
    wanted = driver.wanted(effects.Recover)
    return {person_of(effect.entity) for effect in wanted if isinstance(effect, effects.Recover)}
