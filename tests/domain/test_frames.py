"""What becomes of each frame: stored once, recognised again, kept aside within bounds, refused with a reason."""

from __future__ import annotations

import pytest
from kinelog.codecs import frames as codec
from kinelog.codecs.values import Format, FrameSummary
from kinelog.domain import commands as ask
from kinelog.domain import events as did
from kinelog.domain.limits import Limits
from kinelog.domain.recording import KEPT_BYTES, frame_digest
from kinelog.domain.replies import FramesRecorded, FrameStatus

from tests.domain.ledger import MORNING, Ledger, frame, session_id

DAY = 86_400_000


def outcomes(answer: FramesRecorded) -> list[tuple[str, str | None]]:
    return [(outcome.status.value, outcome.error) for outcome in answer.outcomes]


def test_a_frame_before_its_session_is_asked_for_again_later(ledger: Ledger) -> None:
    command = ask.RecordFrames(at_ms=MORNING, session=session_id(9), frames=(frame(0),))
    refused = ledger.refusal(command)
    assert (refused.code, refused.retryable) == ("session-not-started", True)


def test_each_frame_of_a_batch_is_judged_by_itself(ledger: Ledger) -> None:
    answer = ledger.frames(frame(0), frame(1, b"?"), frame(2), frame(0), frame(0, b"A!"), frame(7, device="phone"))
    assert outcomes(answer) == [
        ("stored", None),
        ("rejected", "unknown-format"),
        ("stored", None),
        ("duplicate", None),
        ("conflict", "frame-conflict"),
        ("stored", None),
    ]
    assert answer.outcomes[1].offset == 0
    assert answer.high_water == {"watch": 2, "phone": 7}


def test_the_stored_event_holds_the_bytes_as_received(ledger: Ledger) -> None:
    ledger.frames(frame(4, b"Abcd"))
    (event,) = ledger.events(did.FrameRecorded)
    assert (event.device, event.sequence, event.data, event.start_ms) == ("watch", 4, b"Abcd", None)
    assert event.digest == frame_digest(b"Abcd", None)
    assert event.summary.format is Format.AE


def test_a_rejected_frame_never_takes_its_key(ledger: Ledger) -> None:
    assert outcomes(ledger.frames(frame(0, b"?"), frame(0, b"A"))) == [
        ("rejected", "unknown-format"),
        ("stored", None),
    ]


def test_of_two_frames_under_one_key_the_first_stays(ledger: Ledger) -> None:
    ledger.frames(frame(0, b"A first"))
    assert outcomes(ledger.frames(frame(0, b"A second"))) == [("conflict", "frame-conflict")]
    assert outcomes(ledger.frames(frame(0, b"A first"))) == [("duplicate", None)]
    (aside,) = ledger.events(did.FrameQuarantined)
    assert (aside.data, aside.size) == (b"A second", 8)
    watch = ledger.session(1).device("watch")
    assert watch is not None
    assert (watch.quarantined, watch.rejected, watch.received.count) == (1, 0, 1)


def test_a_retransmission_is_not_decoded_again(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.frames(frame(0))

    def refuse(data: bytes, format: Format | None = None) -> FrameSummary:  # noqa: A002 - the codec's own name
        message = f"decoded {data!r} as {format}"
        raise AssertionError(message)

    monkeypatch.setattr(codec, "summarize", refuse)
    assert outcomes(ledger.frames(frame(0))) == [("duplicate", None)]


def test_naming_the_format_does_not_make_another_frame(ledger: Ledger) -> None:
    named = ask.IncomingFrame("watch", 0, b"A...", Format.AE)
    assert outcomes(ledger.frames(named, frame(0), named)) == [
        ("stored", None),
        ("duplicate", None),
        ("duplicate", None),
    ]


def test_a_layout_without_a_clock_needs_a_start_and_keeps_it(ledger: Ledger) -> None:
    assert outcomes(ledger.frames(frame(0, b"G..."))) == [("rejected", "start-required")]
    assert not ledger.events(did.FrameRejected)
    assert outcomes(ledger.frames(frame(0, b"G...", start_ms=MORNING))) == [("stored", None)]
    assert outcomes(ledger.frames(frame(0, b"G...", start_ms=MORNING))) == [("duplicate", None)]
    assert outcomes(ledger.frames(frame(0, b"G...", start_ms=MORNING + 1))) == [("conflict", "frame-conflict")]
    assert ledger.events(did.FrameRecorded)[0].start_ms == MORNING


def test_a_start_beside_a_layout_that_has_a_clock_makes_no_other_frame_of_the_same_bytes(ledger: Ledger) -> None:
    ledger.frames(frame(0))
    assert outcomes(ledger.frames(frame(0, start_ms=MORNING))) == [("duplicate", None)]
    assert outcomes(ledger.frames(frame(0, start_ms=MORNING + 1))) == [("duplicate", None)]


def test_a_start_given_with_a_layout_that_has_a_clock_is_not_stored(ledger: Ledger) -> None:
    ledger.frames(frame(0, start_ms=MORNING))
    assert ledger.events(did.FrameRecorded)[0].start_ms is None


def test_no_bytes_pass_for_a_start() -> None:
    assert frame_digest(b"1A", None) != frame_digest(b"A", 1)
    assert frame_digest(b"A", 0) != frame_digest(b"A", None)


@pytest.mark.parametrize(
    ("incoming", "error"),
    [
        (frame(-1), "sequence-out-of-range"),
        (frame(5 + 101), "sequence-out-of-range"),
        (frame(2**70), "sequence-out-of-range"),
        (frame(6, b"A" * 65), "frame-too-large"),
        (frame(6, start_ms=-1), "start-out-of-range"),
        (frame(6, start_ms=2**60), "start-out-of-range"),
        (frame(6, device="../x"), "device-invalid"),
        (frame(6, device=""), "device-invalid"),
        (frame(6, device="third"), "too-many-devices"),
        (frame(6, b"", device="third"), "too-many-devices"),
        (frame(6), "too-many-frames"),
    ],
)
def test_a_frame_beyond_the_limits_is_refused_and_leaves_no_trace(
    ledger: Ledger, incoming: ask.IncomingFrame, error: str
) -> None:
    ledger.frames(frame(0), frame(5), frame(0, device="phone"))
    ledger.limits = Limits(frame_bytes=64, sequence_window=100, devices_per_session=2, frames_per_device=2)
    before = ledger.session(1)
    assert outcomes(ledger.frames(incoming)) == [("rejected", error)]
    assert ledger.session(1) is before


def test_the_last_number_of_the_window_is_taken(ledger: Ledger) -> None:
    ledger.limits = Limits(sequence_window=100)
    assert outcomes(ledger.frames(frame(99), frame(199))) == [("stored", None), ("stored", None)]


def test_known_frames_are_recognised_at_the_cap_too(ledger: Ledger) -> None:
    ledger.limits = Limits(frames_per_device=1)
    assert outcomes(ledger.frames(frame(0), frame(0), frame(0, b"A!"), frame(1))) == [
        ("stored", None),
        ("duplicate", None),
        ("conflict", "frame-conflict"),
        ("rejected", "too-many-frames"),
    ]


def test_what_is_kept_aside_is_capped_a_device_and_day(ledger: Ledger) -> None:
    ledger.limits = Limits(kept_rejects_per_device_day=2)
    ledger.frames(frame(0))
    bad = [frame(1, b"?"), frame(0, b"A!"), frame(2, b"?"), frame(0, b"A?")]
    answer = ledger.frames(*bad)
    assert [outcome.status for outcome in answer.outcomes] == [
        FrameStatus.REJECTED,
        FrameStatus.CONFLICT,
        FrameStatus.REJECTED,
        FrameStatus.CONFLICT,
    ]
    assert len(ledger.events(did.FrameRejected)) + len(ledger.events(did.FrameQuarantined)) == 2
    ledger.frames(frame(1, b"?", device="phone"))
    assert len(ledger.events(did.FrameRejected)) == 2
    ledger.frames(frame(1, b"?"), at_ms=MORNING + DAY)
    assert len(ledger.events(did.FrameRejected)) == 3
    ledger.frames(frame(1, b"?"), at_ms=MORNING + DAY)
    ledger.frames(frame(1, b"?"), at_ms=MORNING)
    assert len(ledger.events(did.FrameRejected)) == 4, "a clock that steps back opens no new allowance"


def test_a_clock_that_steps_back_and_forth_opens_no_new_allowance(ledger: Ledger) -> None:
    ledger.limits = Limits(kept_rejects_per_device_day=2)
    for at_ms in (MORNING + DAY, MORNING, MORNING + DAY):
        ledger.frames(frame(1, b"?"), at_ms=at_ms)
    assert len(ledger.events(did.FrameRejected)) == 2


def test_what_is_kept_aside_is_cut(ledger: Ledger) -> None:
    ledger.frames(frame(0, b"?" * 5000))
    (event,) = ledger.events(did.FrameRejected)
    assert (len(event.data), event.size) == (KEPT_BYTES, 5000)
    assert (event.error, event.offset, event.detail) == ("unknown-format", 0, "neither A nor G")


def test_a_refused_device_does_not_appear_in_the_high_water(ledger: Ledger) -> None:
    assert ledger.frames(frame(0, b"?")).high_water == {}
