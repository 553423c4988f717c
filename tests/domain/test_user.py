"""Commands about a person: what they change, what is refused, what a repetition does."""

from __future__ import annotations

import math

import pytest
from kinelog.domain import commands as ask
from kinelog.domain import events as did
from kinelog.domain.errors import Rejection
from kinelog.domain.limits import Limits
from kinelog.domain.replies import Done
from kinelog.domain.values import AgeGroup, Profile, Purpose

from tests.domain.ledger import MINUTE, MORNING, PERSON, Ledger, session_id

NOON = MORNING + 200 * MINUTE
ABOUT_A_PERSON: list[ask.Command] = [
    ask.SetProfile(at_ms=NOON, profile=Profile(AgeGroup.THIRTIES, height_cm=180)),
    ask.AddDevice(at_ms=NOON, device="watch", kind="pebble"),
    ask.GiveConsent(at_ms=NOON, purpose=Purpose.TRAINING_MODELS),
    ask.GiveFeedback(at_ms=NOON, session=session_id(1), subject="next-exercise", rating=5, text="yes"),
    ask.StartSession(at_ms=NOON, session=session_id(2), started_at_ms=NOON),
    ask.EndSession(at_ms=NOON, session=session_id(1)),
    ask.DeleteSession(at_ms=NOON, session=session_id(1)),
    ask.EraseUser(at_ms=NOON),
]


@pytest.mark.parametrize("command", ABOUT_A_PERSON, ids=lambda command: type(command).__name__)
def test_a_repetition_changes_nothing(ledger: Ledger, command: ask.Command) -> None:
    assert ledger.do(command) == Done(changed=True)
    assert ledger.do(command) == Done(changed=False)


OF_KNOWN_PEOPLE: list[ask.Command] = [
    *ABOUT_A_PERSON,
    ask.RemoveDevice(at_ms=NOON, device="watch"),
    ask.SetPushTarget(at_ms=NOON, device="watch", target=None),
    ask.WithdrawConsent(at_ms=NOON, purpose=Purpose.SHARED_MODELS),
    ask.AbandonSession(at_ms=NOON, session=session_id(1)),
    ask.ReadUser(at_ms=NOON),
]


@pytest.mark.parametrize("command", OF_KNOWN_PEOPLE, ids=lambda command: type(command).__name__)
def test_nobody_unknown_can_do_anything(command: ask.Command) -> None:
    assert Ledger().refusal(command).code == "user-unknown"


@pytest.mark.parametrize(
    "command",
    [command for command in OF_KNOWN_PEOPLE if not isinstance(command, ask.EraseUser)],
    ids=lambda command: type(command).__name__,
)
def test_nothing_is_done_for_the_erased(ledger: Ledger, command: ask.Command) -> None:
    ledger.do(ask.EraseUser(at_ms=NOON))
    assert ledger.refusal(command).code == "user-erased"


def test_the_erased_cannot_register_again(ledger: Ledger) -> None:
    ledger.do(ask.EraseUser(at_ms=NOON))
    assert ledger.refusal(ask.RegisterUser(at_ms=NOON)).code == "user-erased"


def test_an_erased_state_holds_nothing_of_the_person(ledger: Ledger) -> None:
    for command in ABOUT_A_PERSON:
        ledger.do(command)
    state = ledger.user()
    assert state.erased
    assert (state.sessions, state.devices, state.consents, state.open_session) == ({}, {}, (), None)
    assert state.profile == Profile()


def test_registering_twice_changes_nothing_and_a_profile_can_come_along() -> None:
    ledger = Ledger()
    command = ask.RegisterUser(at_ms=NOON, profile=Profile(weight_kg=80))
    assert ledger.do(command) == Done()
    assert ledger.do(command) == Done(changed=False)
    assert ledger.user().profile.weight_kg == 80
    assert len(ledger.streams[PERSON.persistence_id]) == 2


@pytest.mark.parametrize(
    ("profile", "pointer"),
    [
        (Profile(height_cm=49.9), "/profile/height_cm"),
        (Profile(height_cm=273), "/profile/height_cm"),
        (Profile(weight_kg=19), "/profile/weight_kg"),
        (Profile(weight_kg=401), "/profile/weight_kg"),
        (Profile(weight_kg=math.nan), "/profile/weight_kg"),
        (Profile(height_cm=math.inf), "/profile/height_cm"),
    ],
)
def test_an_impossible_profile_is_refused(ledger: Ledger, profile: Profile, pointer: str) -> None:
    for refused in (
        ledger.refusal(ask.SetProfile(at_ms=NOON, profile=profile)),
        Ledger().refusal(ask.RegisterUser(at_ms=NOON, profile=profile)),
    ):
        assert (refused.code, refused.pointer) == ("profile-invalid", pointer)


def test_devices_are_capped_named_and_forgotten(ledger: Ledger) -> None:
    ledger.limits = Limits(devices_per_user=1)
    assert ledger.refusal(ask.AddDevice(at_ms=NOON, device="../x", kind="pebble")).pointer == "/device"
    assert ledger.refusal(ask.AddDevice(at_ms=NOON, device="watch", kind="")).pointer == "/kind"
    ledger.do(ask.AddDevice(at_ms=NOON, device="watch", kind="pebble"))
    assert ledger.refusal(ask.AddDevice(at_ms=NOON, device="phone", kind="phone")).code == "too-many-devices"
    assert ledger.do(ask.RemoveDevice(at_ms=NOON, device="watch")) == Done()
    assert ledger.do(ask.RemoveDevice(at_ms=NOON, device="watch")) == Done(changed=False)
    assert ledger.do(ask.AddDevice(at_ms=NOON, device="phone", kind="phone")) == Done()


def test_a_push_target_belongs_to_a_known_device_and_survives_pairing_it_again(ledger: Ledger) -> None:
    push = ask.SetPushTarget(at_ms=NOON, device="watch", target="https://push.example/1")
    assert ledger.refusal(push).code == "device-unknown"
    ledger.do(ask.AddDevice(at_ms=NOON, device="watch", kind="pebble"))
    assert (
        ledger.refusal(ask.SetPushTarget(at_ms=NOON, device="watch", target="x" * 2049)).code == "push-target-invalid"
    )
    assert ledger.do(push) == Done()
    assert ledger.do(push) == Done(changed=False)
    ledger.do(ask.AddDevice(at_ms=NOON, device="watch", kind="apple-watch"))
    assert ledger.user().devices["watch"].push_target == push.target
    assert ledger.do(ask.SetPushTarget(at_ms=NOON, device="watch", target=None)) == Done()


def test_consent_is_given_and_withdrawn(ledger: Ledger) -> None:
    ledger.do(ask.GiveConsent(at_ms=NOON, purpose=Purpose.SHARED_MODELS))
    assert ledger.user().consents == (Purpose.SHARED_MODELS,)
    assert ledger.do(ask.WithdrawConsent(at_ms=NOON, purpose=Purpose.SHARED_MODELS)) == Done()
    assert ledger.do(ask.WithdrawConsent(at_ms=NOON, purpose=Purpose.SHARED_MODELS)) == Done(changed=False)
    assert ledger.user().consents == ()


@pytest.mark.parametrize(
    ("session", "subject", "rating", "text", "code"),
    [
        (None, "plan", 0, "", "feedback-invalid"),
        (None, "plan", 6, "", "feedback-invalid"),
        (None, "", 3, "", "feedback-invalid"),
        (None, "plan", 3, "x" * 2001, "feedback-invalid"),
        (session_id(9), "plan", 3, "", "session-unknown"),
    ],
)
def test_impossible_feedback_is_refused(
    ledger: Ledger, session: str | None, subject: str, rating: int, text: str, code: str
) -> None:
    command = ask.GiveFeedback(at_ms=NOON, session=session, subject=subject, rating=rating, text=text)
    assert ledger.refusal(command).code == code


def test_another_rating_counts(ledger: Ledger) -> None:
    for rating in (1, 1, 2):
        ledger.do(ask.GiveFeedback(at_ms=NOON, session=None, subject="plan", rating=rating))
    assert ledger.user().feedback_count == 2
    assert [event.rating for event in ledger.events(did.FeedbackGiven)] == [1, 2]


def test_reading_answers_the_state_itself(ledger: Ledger) -> None:
    assert ledger.do(ask.ReadUser(at_ms=NOON)) is ledger.user()
    assert not isinstance(ledger.do(ask.ReadUser(at_ms=NOON)), Rejection)
