"""With the real codecs: every golden frame is stored, or refused as its description says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from kinelog.codecs.format_names import FORMAT_OF_NAME
from kinelog.domain import events as did
from kinelog.domain.commands import IncomingFrame
from kinelog.domain.recording import CLOCKLESS
from kinelog.domain.replies import FrameStatus

from tests.domain.ledger import MORNING, Ledger

VECTORS = Path(__file__).resolve().parent.parent / "vectors"
ENVELOPES_ONLY = "mp_scala_"
"""These describe the envelope; their payloads are no frames."""

GOLDEN = [path for path in sorted(VECTORS.glob("*.json")) if not path.name.startswith(ENVELOPES_ONLY)]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_golden_frame_is_stored_once_or_refused_as_described(ledger: Ledger, path: Path) -> None:
    meaning = json.loads(path.read_text())
    data = path.with_suffix(".bin").read_bytes()
    frame = IncomingFrame("watch", 0, data, FORMAT_OF_NAME[meaning["format"]], MORNING)
    first, again = ledger.frames(frame, frame).outcomes
    if meaning["expect"] == "error":
        error = meaning["error"].split()[0]  # some descriptions add a remark
        assert (first.status, first.error) == (FrameStatus.REJECTED, error)
        assert [event.error for event in ledger.events(did.FrameRejected)] == [error] * 2
        assert first.offset is not None
    else:
        assert (first.status, again.status) == (FrameStatus.STORED, FrameStatus.DUPLICATE)
        (event,) = ledger.events(did.FrameRecorded)
        assert event.data == data
        assert event.start_ms == (MORNING if event.summary.format in CLOCKLESS else None)


@pytest.mark.parametrize("name", ["lift_gfs_edges", "lift_gfs_fefc_2014", "mp_recorded_ad_bd"])
def test_a_layout_without_a_clock_waits_for_its_start(ledger: Ledger, name: str) -> None:
    meaning = json.loads((VECTORS / f"{name}.json").read_text())
    data = (VECTORS / f"{name}.bin").read_bytes()
    (outcome,) = ledger.frames(IncomingFrame("watch", 0, data, FORMAT_OF_NAME[meaning["format"]])).outcomes
    assert (outcome.status, outcome.error) == (FrameStatus.REJECTED, "start-required")
