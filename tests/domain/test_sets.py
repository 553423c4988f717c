"""Sets: where a label may lie, what makes it the same label, how corrections follow each other."""

from __future__ import annotations

import math

import pytest
from kinelog.domain import commands as ask
from kinelog.domain import events as did
from kinelog.domain.limits import Limits
from kinelog.domain.replies import SetRecorded
from kinelog.domain.values import SetLabel, Source

from tests.domain.ledger import CURL, MINUTE, MORNING, ROW, Ledger, session_id

EXERCISE = CURL.exercise


def label(
    start_minute: float, end_minute: float, what: SetLabel = CURL, *, source: Source = Source.DEVICE,
    label_id: str | None = None, confidence: float | None = None, number: int = 1,
) -> ask.LabelSet:  # fmt: skip
    return ask.LabelSet(
        at_ms=MORNING + 30 * MINUTE, session=session_id(number), label=what, source=source, confidence=confidence,
        start_ms=MORNING + round(start_minute * MINUTE), end_ms=MORNING + round(end_minute * MINUTE), label_id=label_id,
    )  # fmt: skip


def correct(
    version: int, what: SetLabel = ROW, *, deleted: bool = False, number: int = 1, session: int = 1
) -> ask.CorrectSet:
    return ask.CorrectSet(
        at_ms=MORNING + 40 * MINUTE, session=session_id(session), number=number, version=version, label=what,
        deleted=deleted,
    )  # fmt: skip


def test_sets_are_numbered_from_one(ledger: Ledger) -> None:
    assert ledger.do(label(1, 2)) == SetRecorded(1, 1)
    assert ledger.do(label(2, 3)) == SetRecorded(2, 1)


@pytest.mark.parametrize("label_id", [None, "made-by-the-phone"])
def test_the_same_label_again_answers_the_set_that_it_made(ledger: Ledger, label_id: str | None) -> None:
    ledger.do(label(1, 2, label_id=label_id))
    assert ledger.do(label(1, 2, label_id=label_id)) == SetRecorded(1, 1, created=False)
    ledger.do(correct(1))
    assert ledger.do(label(1, 2, label_id=label_id)) == SetRecorded(1, 2, created=False)


def test_a_label_id_cannot_name_another_label(ledger: Ledger) -> None:
    ledger.do(label(1, 2, label_id="a"))
    assert ledger.refusal(label(1, 3, label_id="a")).code == "label-id-used"
    assert ledger.refusal(label(5, 6, label_id="")).code == "label-invalid"


@pytest.mark.parametrize("interval", [(1, 2.5), (1.5, 2), (0.5, 1.1), (0, 9), (1, 2)])
def test_sets_do_not_overlap(ledger: Ledger, interval: tuple[float, float]) -> None:
    ledger.do(label(1, 2))
    refused = ledger.refusal(label(*interval, ROW))
    assert refused.code == "set-overlaps"
    assert refused.extra == {"number": 1, "version": 1}


def test_sets_may_touch(ledger: Ledger) -> None:
    ledger.do(label(1, 2))
    assert ledger.do(label(2, 3)) == SetRecorded(2, 1)
    assert ledger.do(label(0, 1)) == SetRecorded(3, 1)


@pytest.mark.parametrize(
    ("interval", "code", "pointer"),
    [
        ((2, 1), "label-invalid", "/end_ms"),
        ((1, 1), "label-invalid", "/end_ms"),
        ((1, 400), "label-invalid", "/end_ms"),
        ((-2, 1), "set-outside-session", "/start_ms"),
        ((9_000, 9_001), "set-outside-session", "/end_ms"),
    ],
)
def test_an_impossible_interval_is_refused(
    ledger: Ledger, interval: tuple[float, float], code: str, pointer: str
) -> None:
    refused = ledger.refusal(label(*interval))
    assert (refused.code, refused.pointer) == (code, pointer)


def test_an_ended_session_bounds_its_sets_with_a_little_tolerance(ledger: Ledger) -> None:
    ledger.do(ask.EndSession(at_ms=MORNING + 9 * MINUTE, session=session_id(1)))
    assert ledger.do(label(-1, 1)) == SetRecorded(1, 1)
    assert ledger.do(label(9, 10)) == SetRecorded(2, 1)
    assert ledger.refusal(label(10, 10.1)).code == "set-outside-session"


@pytest.mark.parametrize(
    ("what", "confidence", "pointer"),
    [
        (SetLabel("curl"), None, "/label/exercise"),
        (SetLabel(EXERCISE, repetitions=-1), None, "/label/repetitions"),
        (SetLabel(EXERCISE, repetitions=1001), None, "/label/repetitions"),
        (SetLabel(EXERCISE, weight_kg=-1), None, "/label/weight_kg"),
        (SetLabel(EXERCISE, weight_kg=math.nan), None, "/label/weight_kg"),
        (SetLabel(EXERCISE, intensity=1.5), None, "/label/intensity"),
        (SetLabel(EXERCISE, rest_s=1e6), None, "/label/rest_s"),
        (CURL, 1.01, "/confidence"),
    ],
)
def test_an_impossible_label_is_refused_at_its_field(
    ledger: Ledger, what: SetLabel, confidence: float | None, pointer: str
) -> None:
    refused = ledger.refusal(label(1, 2, what, confidence=confidence))
    assert (refused.code, refused.pointer) == ("label-invalid", pointer)


def test_a_bad_exercise_is_named_with_its_place(ledger: Ledger) -> None:
    refused = ledger.refusal(label(1, 2, SetLabel("indoorsCardio:nose/x")))
    assert refused.extra == {"error": "exercise-unknown-group", "position": 14}


def test_sets_are_capped(ledger: Ledger) -> None:
    ledger.limits = Limits(sets_per_session=1)
    ledger.do(label(1, 2))
    assert ledger.refusal(label(2, 3)).code == "too-many-sets"
    assert ledger.do(label(1, 2)) == SetRecorded(1, 1, created=False)


def test_a_label_before_its_session_is_asked_for_again_later(ledger: Ledger) -> None:
    assert ledger.refusal(label(1, 2, number=9)).code == "session-not-started"


def test_what_was_detected_and_what_it_was_corrected_to_stay_apart(ledger: Ledger) -> None:
    ledger.do(label(1, 2, confidence=0.7))
    assert ledger.do(correct(1)) == SetRecorded(1, 2)
    (known,) = ledger.session(1).sets
    assert (known.detected, known.source, known.confidence) == (CURL, Source.DEVICE, 0.7)
    assert (known.corrected, known.corrected_by, known.version, known.label) == (ROW, Source.PERSON, 2, ROW)


def test_every_correction_says_what_was(ledger: Ledger) -> None:
    ledger.do(label(1, 2))
    third = SetLabel(EXERCISE, repetitions=12)
    ledger.do(correct(1))
    ledger.do(correct(2, third))
    history = [(event.version, event.was, event.label) for event in ledger.events(did.SetCorrected)]
    assert history == [(2, CURL, ROW), (3, ROW, third)]


def test_a_correction_of_a_version_that_is_past_is_refused_with_the_current_one(ledger: Ledger) -> None:
    ledger.do(label(1, 2))
    ledger.do(correct(1))
    refused = ledger.refusal(correct(1, CURL))
    assert refused.code == "set-stale"
    assert refused.extra == {"number": 1, "version": 2}
    assert ledger.refusal(correct(3, CURL)).code == "set-stale"


def test_the_same_correction_again_changes_nothing(ledger: Ledger) -> None:
    ledger.do(label(1, 2))
    ledger.do(correct(1))
    assert ledger.do(correct(1)) == SetRecorded(1, 2, created=False)


def test_only_known_sets_of_known_sessions_can_be_corrected(ledger: Ledger) -> None:
    assert ledger.refusal(correct(1)).code == "set-unknown"
    assert ledger.refusal(correct(1, number=0)).code == "set-unknown"
    assert ledger.refusal(correct(1, session=9)).code == "session-unknown"


def test_a_correction_is_held_to_the_same_ranges(ledger: Ledger) -> None:
    ledger.do(label(1, 2))
    assert ledger.refusal(correct(1, SetLabel("x"))).code == "label-invalid"


def test_a_deleted_set_makes_room_and_returns_only_where_there_is_room(ledger: Ledger) -> None:
    ledger.do(label(1, 2, label_id="a"))
    ledger.do(correct(1, CURL, deleted=True))
    assert ledger.do(label(1, 2, label_id="a")) == SetRecorded(1, 2, created=False), "a late repetition revives nothing"
    assert ledger.do(label(1.5, 2.5, ROW)) == SetRecorded(2, 1)
    assert ledger.refusal(correct(2, CURL)).code == "set-overlaps"
    assert ledger.do(correct(2, ROW, deleted=True)) == SetRecorded(1, 3), "what is deleted is in nobody's way"
    ledger.do(correct(1, ROW, deleted=True, number=2))
    assert ledger.do(correct(3, CURL)) == SetRecorded(1, 4)
