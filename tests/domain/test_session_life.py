"""How sessions start, supersede each other, end, fall silent and are deleted."""

from __future__ import annotations

import math

import msgspec
import pytest
from kinelog.domain import commands as ask
from kinelog.domain import events as did
from kinelog.domain.errors import Rejection
from kinelog.domain.limits import Limits
from kinelog.domain.replies import Done
from kinelog.domain.states import SessionStatus
from kinelog.domain.values import MissingRange

from tests.domain.ledger import MINUTE, MORNING, PERSON, Ledger, frame, session_id

HOUR = 60 * MINUTE


def start(number: int, **changed: object) -> ask.StartSession:
    command = ask.StartSession(at_ms=MORNING, session=session_id(number), started_at_ms=MORNING)
    return msgspec.structs.replace(command, **changed)


def end(number: int = 1, **changed: object) -> ask.EndSession:
    return msgspec.structs.replace(ask.EndSession(at_ms=MORNING + HOUR, session=session_id(number)), **changed)


def abandon(at_ms: int, reason: str = "silence", number: int = 1) -> ask.AbandonSession:
    return ask.AbandonSession(at_ms=at_ms, session=session_id(number), reason=reason)


# ── starting ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_started_session_is_open_and_listed(ledger: Ledger) -> None:
    assert ledger.session(1).status is SessionStatus.OPEN
    assert ledger.user().open_session == session_id(1)
    assert ledger.user().sessions[session_id(1)].started_at_ms == MORNING


def test_the_same_start_again_changes_nothing_in_any_state(ledger: Ledger) -> None:
    for command in (None, abandon(MORNING + HOUR), end()):
        if command is not None:
            ledger.do(command)
        assert ledger.start() == Done(changed=False)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("started_at_ms", MORNING - 1),
        ("gym", "north"),
        ("plan", "arms"),
        ("groups", ("arms",)),
        ("intensity", 0.5),
    ],
)
def test_an_id_cannot_start_another_session(ledger: Ledger, field: str, value: object) -> None:
    assert ledger.refusal(start(1, **{field: value})).code == "session-id-used"


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("session", "yesterday", "session-invalid"),
        ("started_at_ms", -1, "session-invalid"),
        ("started_at_ms", MORNING + 25 * HOUR, "started-in-future"),
        ("gym", "North Gym", "session-invalid"),
        ("plan", "", "session-invalid"),
        ("plan", "x" * 201, "session-invalid"),
        ("groups", ("nose",), "session-invalid"),
        ("groups", ("arms", "arms"), "session-invalid"),
        ("intensity", 1.1, "session-invalid"),
        ("intensity", math.nan, "session-invalid"),
    ],
)
def test_an_impossible_start_is_refused_at_its_field(ledger: Ledger, field: str, value: object, code: str) -> None:
    refused = ledger.refusal(start(2, **{field: value}))
    assert (refused.code, refused.pointer) == (code, f"/{field}")


def test_the_index_of_sessions_is_bounded(ledger: Ledger) -> None:
    ledger.limits = Limits(sessions_per_user=1)
    assert ledger.refusal(start(2)).code == "too-many-sessions"


def test_a_later_session_ends_the_open_one_first(ledger: Ledger) -> None:
    ledger.frames(frame(0), frame(3), at_ms=MORNING + MINUTE)
    ledger.start(2, started_at_ms=MORNING + HOUR, at_ms=MORNING + HOUR)
    (ended,) = ledger.events(did.SessionEnded)
    assert (ended.how, ended.ended_at_ms) == ("superseded", MORNING + MINUTE)
    assert ended.frames == {"watch": 4}
    assert ended.missing == {"watch": (MissingRange(1, 2),)}
    assert [type(event).__name__ for event in ledger.streams[PERSON.persistence_id]][-2:] == [
        "SessionClosed",
        "SessionListed",
    ]
    assert ledger.user().open_session == session_id(2)
    assert ledger.user().sessions[session_id(1)].closed == "superseded"


def test_a_bulk_upload_of_an_earlier_session_leaves_the_open_one_alone(ledger: Ledger) -> None:
    ledger.start(2, started_at_ms=MORNING - HOUR)
    assert ledger.user().open_session == session_id(1)
    assert ledger.session(1).status is SessionStatus.OPEN
    assert ledger.session(2).status is SessionStatus.OPEN
    assert not ledger.events(did.SessionListed)[-1].opened
    assert ledger.frames(frame(0), number=2).high_water == {"watch": 0}
    assert ledger.do(end(2, ended_at_ms=MORNING - MINUTE)) == Done()
    assert ledger.user().open_session == session_id(1)


@pytest.mark.parametrize("order", [(2, 3), (3, 2)])
def test_of_equal_starts_the_greater_id_is_the_open_one(order: tuple[int, int]) -> None:
    ledger = Ledger()
    ledger.register()
    for number in order:
        ledger.start(number)
    assert ledger.user().open_session == session_id(3)


def test_a_superseded_session_never_ends_before_it_started() -> None:
    ledger = Ledger()
    ledger.register()
    ledger.start(1, started_at_ms=MORNING + HOUR)
    ledger.start(2, started_at_ms=MORNING + 2 * HOUR)
    (ended,) = ledger.events(did.SessionEnded)
    assert ended.ended_at_ms == MORNING + HOUR


# ── ending ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_end_with_gaps_names_them_and_can_be_repeated_when_they_are_filled(ledger: Ledger) -> None:
    ledger.frames(frame(0), frame(2), frame(5))
    refused = ledger.refusal(end(frames={"watch": 8, "phone": 2}))
    assert (refused.code, refused.retryable) == ("frames-missing", True)
    assert refused.extra == {"missing": {"watch": [[1, 1], [3, 4], [6, 7]], "phone": [[0, 1]]}}
    ledger.frames(*(frame(number) for number in (1, 3, 4, 6, 7)), frame(0, device="phone"), frame(1, device="phone"))
    assert ledger.do(end(frames={"watch": 8, "phone": 2})) == Done()
    (ended,) = ledger.events(did.SessionEnded)
    assert (ended.how, ended.frames, ended.missing) == ("asked", {"watch": 8, "phone": 2}, {})
    assert ledger.do(end(frames={"watch": 8, "phone": 2})) == Done(changed=False)


def test_a_final_end_records_the_gaps_and_late_frames_fill_them(ledger: Ledger) -> None:
    ledger.frames(frame(0), frame(2))
    ledger.do(end(frames={"watch": 4}, final=True))
    (ended,) = ledger.events(did.SessionEnded)
    assert ended.how == "final"
    assert ended.missing == {"watch": (MissingRange(1, 1), MissingRange(3, 3))}
    ledger.frames(frame(1), at_ms=MORNING + 2 * HOUR)
    watch = ledger.session(1).device("watch")
    assert watch is not None
    assert watch.missing() == (MissingRange(3, 3),)
    assert ledger.session(1).status is SessionStatus.ENDED


def test_an_end_without_counts_records_known_gaps_and_is_not_refused_for_them(ledger: Ledger) -> None:
    ledger.frames(frame(0), frame(2))
    assert ledger.do(end()) == Done()
    assert ledger.events(did.SessionEnded)[0].missing == {"watch": (MissingRange(1, 1),)}


def test_the_recorded_gaps_are_bounded(ledger: Ledger) -> None:
    ledger.limits = Limits(missing_ranges=2)
    ledger.frames(*(frame(number) for number in range(0, 12, 2)))
    ledger.do(end())
    assert ledger.events(did.SessionEnded)[0].missing == {"watch": (MissingRange(1, 1), MissingRange(3, 3))}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ({"ended_at_ms": MORNING - 1}, "ended-before-start"),
        ({"ended_at_ms": MORNING + 26 * HOUR}, "ended-in-future"),
        ({"frames": {"watch": -1}}, "frames-invalid"),
        ({"frames": {"watch": 100_001}}, "frames-invalid"),
        ({"frames": {"../watch": 1}}, "frames-invalid"),
        ({"frames": {f"watch-{number}": 0 for number in range(17)}}, "too-many-devices"),
    ],
)
def test_an_impossible_end_is_refused(ledger: Ledger, content: dict[str, object], code: str) -> None:
    assert ledger.refusal(end(1, **content)).code == code


def test_a_session_started_by_a_fast_clock_can_end_by_ours() -> None:
    ledger = Ledger()
    ledger.register()
    ledger.start(started_at_ms=MORNING + HOUR)
    assert ledger.do(end(at_ms=MORNING + MINUTE)) == Done()
    assert ledger.session(1).ended_at_ms == MORNING + HOUR


def test_the_phone_has_the_last_word_on_a_superseded_session(ledger: Ledger) -> None:
    ledger.start(2, started_at_ms=MORNING + HOUR, at_ms=MORNING + HOUR)
    assert ledger.do(end(1, at_ms=MORNING + 2 * HOUR, ended_at_ms=MORNING + 50 * MINUTE)) == Done()
    assert (ledger.session(1).ended_how, ledger.session(1).ended_at_ms) == ("asked", MORNING + 50 * MINUTE)
    assert ledger.user().open_session == session_id(2)
    assert ledger.do(end(1)) == Done(changed=False)


@pytest.mark.parametrize("command", [end(7), abandon(MORNING, "asked", 7)], ids=["end", "abandon"])
def test_a_session_that_never_started_cannot_be_closed(ledger: Ledger, command: ask.Command) -> None:
    assert ledger.refusal(command).code in {"session-not-started", "session-unknown"}


# ── falling silent ───────────────────────────────────────────────────────────────────────────────────────────────


def test_silence_must_really_have_lasted(ledger: Ledger) -> None:
    ledger.frames(frame(0), at_ms=MORNING + 10 * MINUTE)
    assert ledger.refusal(abandon(MORNING + 40 * MINUTE - 1)).code == "session-active"
    assert ledger.do(abandon(MORNING + 40 * MINUTE)) == Done()
    assert ledger.do(abandon(MORNING + 40 * MINUTE)) == Done(changed=False)
    assert ledger.user().open_session is None
    assert ledger.user().sessions[session_id(1)].closed == "abandoned"


def test_what_is_kept_aside_is_a_sign_of_life_too(ledger: Ledger) -> None:
    ledger.frames(frame(0, b"?"), at_ms=MORNING + 29 * MINUTE)
    assert ledger.refusal(abandon(MORNING + 31 * MINUTE)).code == "session-active"


def test_a_phone_may_give_up_at_any_time_but_says_why(ledger: Ledger) -> None:
    assert ledger.refusal(abandon(MORNING, "")).code == "session-invalid"
    assert ledger.do(abandon(MORNING, "asked")) == Done()


def test_an_abandoned_session_is_completed_by_what_arrives_later(ledger: Ledger) -> None:
    ledger.do(abandon(MORNING + HOUR))
    assert ledger.frames(frame(0), at_ms=MORNING + 3 * HOUR).high_water == {"watch": 0}
    assert ledger.do(end(at_ms=MORNING + 3 * HOUR, frames={"watch": 1}, ended_at_ms=MORNING + MINUTE)) == Done()
    assert ledger.session(1).status is SessionStatus.ENDED
    assert len(ledger.events(did.SessionClosed)) == 1


def test_an_ended_session_cannot_be_abandoned(ledger: Ledger) -> None:
    ledger.do(end())
    assert ledger.refusal(abandon(MORNING + 9 * HOUR)).code == "session-ended"


# ── deleting and reading ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_deleted_session_keeps_nothing_and_takes_nothing(ledger: Ledger) -> None:
    ledger.frames(frame(0))
    assert ledger.do(ask.DeleteSession(at_ms=MORNING, session=session_id(1))) == Done()
    assert ledger.user().open_session is None
    assert ledger.session(1).devices == ()
    commands: list[ask.Command] = [
        ask.RecordFrames(at_ms=MORNING, session=session_id(1), frames=(frame(1),)),
        ask.ReadSession(at_ms=MORNING, session=session_id(1)),
        start(1),
        end(),
        abandon(MORNING + HOUR),
    ]
    assert {ledger.refusal(command).code for command in commands} == {"session-deleted"}


def test_deleting_a_session_that_is_not_open_leaves_the_open_one(ledger: Ledger) -> None:
    ledger.start(2, started_at_ms=MORNING - HOUR)
    ledger.do(ask.DeleteSession(at_ms=MORNING, session=session_id(2)))
    assert ledger.user().open_session == session_id(1)
    assert ledger.refusal(ask.DeleteSession(at_ms=MORNING, session=session_id(3))).code == "session-unknown"


def test_reading_answers_the_state_or_says_that_there_is_none(ledger: Ledger) -> None:
    assert ledger.do(ask.ReadSession(at_ms=MORNING, session=session_id(1))) is ledger.session(1)
    unknown = ledger.do(ask.ReadSession(at_ms=MORNING, session=session_id(2)))
    assert isinstance(unknown, Rejection)
    assert unknown.code == "session-unknown"
