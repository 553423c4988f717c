"""Explanations: every byte of a frame, to the bit, and up to the fault of a broken one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from kinelog.codecs import frames
from kinelog.codecs.explain import ExplainedField, error_object, explain, field_object, to_json_object
from kinelog.codecs.values import Format


def _bits_covered(fields: tuple[ExplainedField, ...]) -> set[int]:
    """Numbers of all bits that fields speak of; a word's bits are counted from its lowest."""
    covered: set[int] = set()
    for field in fields:
        first, last = field.bits or (0, 8 * field.size - 1)
        own = set(range(8 * field.offset + first, 8 * field.offset + last + 1))
        assert not covered & own, f"{field.name} speaks of bits that another field has"
        covered |= own
    return covered


def test_each_bit_of_a_good_frame_is_explained_once(good_golden: Any) -> None:
    explanation = explain(good_golden.data, good_golden.format, all_samples=True)
    assert _bits_covered(explanation.fields) == set(range(8 * len(good_golden.data)))


def test_long_runs_are_cut_unless_all_is_asked_for(golden_frames: dict[str, Any]) -> None:
    data = golden_frames["muvr_ae_edges_0"].data
    short, whole = explain(data), explain(data, all_samples=True)
    assert _bits_covered(short.fields) == _bits_covered(whole.fields)
    assert [field.name for field in short.fields if "…" in field.name] == ["[2]…[48]"]
    assert len(whole.fields) == 9 + 50 * 4


def test_values_are_those_of_the_decoder(good_golden: Any) -> None:
    explanation = explain(good_golden.data, good_golden.format, all_samples=True)
    if good_golden.format in {Format.AD, Format.AD_LEGACY19}:
        values = [float(field.value) for field in explanation.fields if field.name.startswith("[")]
        wanted = [value for row in good_golden.meaning["samples"] for value in row]
    else:
        values = [int(field.value) for field in explanation.fields if field.name.startswith("[")]
        frame = frames.decode(good_golden.data, good_golden.format)
        wanted = [
            round(value * (100 if block.summary.unit == "rad/s" else 1))
            for block in frame.blocks
            for value in block.samples.reshape(-1).tolist()
        ]
    assert values == wanted


def test_a_bad_frame_is_explained_up_to_its_fault(bad_golden: Any) -> None:
    explanation = explain(bad_golden.data, bad_golden.format)
    assert explanation.error is not None
    assert explanation.frame is None
    assert all(field.offset <= explanation.error.offset for field in explanation.fields)
    covered = max((field.offset + field.size for field in explanation.fields), default=0)
    assert covered >= min(explanation.error.offset, len(bad_golden.data))


def test_the_faulty_sample_of_a_long_run_is_shown(golden_frames: dict[str, Any]) -> None:
    data = bytearray(golden_frames["muvr_ad_recorded_demo_lr"].data)
    data[20 + 12 * 500 : 24 + 12 * 500] = bytes.fromhex("0000c07f")
    explanation = explain(bytes(data))
    assert explanation.error is not None
    assert (explanation.error.code, explanation.fields[-1].value) == ("bad-sample", "nan")


def test_several_tags_name_their_values() -> None:
    header = bytes.fromhex("61640232 0000000000000000 04000000")
    explanation = explain(header + b"tal\0th-\0" + bytes(16))
    names = [field.name for field in explanation.fields if field.name.startswith("[")]
    assert names == ["[0].accelerometer[0].x", "[0].accelerometer[1].y", "[0].accelerometer[2].z", "[0].heart_rate"]


def test_bytes_of_no_layout_are_shown_as_such() -> None:
    explanation = explain(b"hello, world")
    assert explanation.format is None
    assert [field.hex for field in explanation.fields] == ["68 65 6c 6c 6f 2c 20 77 …"]
    assert explanation.to_json_object() == error_object(explanation.error) if explanation.error else False


def test_nothing_at_all_has_no_fields() -> None:
    explanation = explain(b"")
    assert explanation.fields == ()
    assert explanation.to_json_object() == {"error": "empty", "offset": 0, "detail": "no bytes"}


def test_a_frame_becomes_plain_json(golden_frames: dict[str, Any]) -> None:
    golden = golden_frames["mp_recorded_ad_bd"]
    told = json.loads(json.dumps(to_json_object(frames.decode(golden.data))))
    assert told["format"] == "multipacket"
    assert [(block["kind"], block["location"], block["unit"], block["rate_hz"]) for block in told["blocks"]] == [
        ("accelerometer", "waist", "mg", 100),
        ("gyroscope", "waist", "rad/s", 100),
    ]
    assert all(block["sequence"] is None and block["start_ms"] is None for block in told["blocks"])
    assert told["blocks"][0]["samples"] == golden.meaning["packets"][0]["blocks"][0]["samples"]


def test_a_field_becomes_plain_json(golden_frames: dict[str, Any]) -> None:
    field = explain(golden_frames["muvr_ae_edges_0"].data).fields[-3]
    assert field_object(field) == {
        "offset": 265,
        "size": 5,
        "bits": (13, 25),
        "name": "[49].y",
        "hex": "00 00 00 00 01",
        "value": "0",
        "meaning": "0 mg",
    }


@pytest.mark.parametrize("cut", range(45))
def test_a_frame_cut_anywhere_is_explained_to_its_end(cut: int) -> None:
    body = bytes.fromhex("cab1 01 00000007 0023 01 ad06640500") + bytes(30)
    explanation = explain(body[:cut], Format.MULTIPACKET)
    assert sum(field.size for field in explanation.fields if field.bits is None or field.bits[0] == 0) == cut or cut < 2
