"""Every golden frame is decoded or refused as the document beside it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from kinelog.codecs import frames, multipacket
from kinelog.codecs.encoding import encode_frame
from kinelog.codecs.errors import CodecError, UnknownTypeError
from kinelog.codecs.values import DeviceKind, Format

_IN_G = {Format.AD, Format.AD_LEGACY19}
_DEVICE = {
    Format.GFS: DeviceKind.PEBBLE,
    Format.MULTIPACKET: DeviceKind.PHONE,
    Format.AE: DeviceKind.PEBBLE,
    Format.AD: DeviceKind.APPLE_WATCH,
    Format.AD_LEGACY19: DeviceKind.APPLE_WATCH,
    Format.AD_INT16: DeviceKind.PEBBLE,
    Format.GFS_FEFC: DeviceKind.PEBBLE,
}


def _expected_blocks(meaning: dict[str, Any]) -> list[dict[str, Any]]:
    if "packets" in meaning:
        return [
            block | {"location": packet["location_name"]} for packet in meaning["packets"] for block in packet["blocks"]
        ]
    return list(meaning.get("blocks", [meaning]))


def test_a_good_frame_gives_its_samples_and_rate(good_golden: Any) -> None:
    frame = frames.decode(good_golden.data, good_golden.format)
    expected = _expected_blocks(good_golden.meaning)
    assert len(frame.blocks) == len(expected)
    for block, wanted in zip(frame.blocks, expected, strict=True):
        samples = np.array(wanted["samples"], dtype=np.float64)
        if good_golden.format in _IN_G:
            samples = np.rint(samples * 1000)
        elif wanted["header"].get("type") == 0xBD:
            samples = samples / 100
        assert block.summary.count == len(samples)
        assert block.samples.tolist() == samples.tolist()
        assert block.summary.rate_hz == wanted["header"]["samples_per_second"]
        assert block.summary.location == wanted.get("location", block.summary.location)


def test_a_good_frame_names_its_device(good_golden: Any) -> None:
    device = frames.summarize(good_golden.data, good_golden.format).device
    if good_golden.format is Format.MUVR16:
        by_number = {0: DeviceKind.PEBBLE, 0xF0: DeviceKind.PHONE}
        assert device is by_number[good_golden.meaning["header"]["device_id"]]
    else:
        assert device is _DEVICE[good_golden.format]


def test_a_current_frame_is_recognised_and_a_historic_one_is_not(good_golden: Any) -> None:
    historic = {Format.GFS_FEFC, Format.GFS_FEF7, Format.AD_INT16, Format.AD_LEGACY19}
    if good_golden.format not in historic:
        assert frames.detect(good_golden.data) is good_golden.format
        return
    with pytest.raises(CodecError):
        frames.summarize(good_golden.data)


def test_a_bad_frame_is_refused_with_its_error(bad_golden: Any) -> None:
    expected = bad_golden.meaning["error"].split(" ")[0]
    for read in (frames.decode, frames.summarize):
        with pytest.raises(CodecError) as refused:
            read(bad_golden.data, bad_golden.format)
        assert refused.value.code == expected


def test_an_envelope_is_read_and_its_foreign_payload_is_refused(envelope_golden: Any) -> None:
    packets = multipacket.find_packets(envelope_golden.data)
    found = [(packet.location, envelope_golden.data[packet.start : packet.end].hex()) for packet in packets]
    assert found == [(p["location_name"], p["payload_hex"]) for p in envelope_golden.meaning["packets"]]
    with pytest.raises(UnknownTypeError) as refused:
        frames.decode(envelope_golden.data)
    assert refused.value.offset == packets[0].start


def test_only_the_stopped_watches_are_dead(good_golden: Any) -> None:
    dead = frames.summarize(good_golden.data, good_golden.format).dead
    assert dead == good_golden.name.endswith("_dead")


@pytest.mark.parametrize(
    ("name", "start_ms"),
    [
        ("muvr_ae_edges_0", 1_464_796_800_000),
        ("muvr16_edges", 1_429_205_376_060 - 1800),
        ("muvr_ad_float_accel", (478_489_600 + 978_307_200) * 1000),
        ("muvr_ad_legacy19_recorded", 978_307_200_000 - 65_156),
        ("muvr_ad6_int16_2016", 1_464_796_801_000),
        ("lift_gfs_edges", None),
    ],
)
def test_a_clock_becomes_unix_milliseconds(golden_frames: dict[str, Any], name: str, start_ms: int | None) -> None:
    golden = golden_frames[name]
    assert frames.summarize(golden.data, golden.format).blocks[0].start_ms == start_ms


def test_the_encoder_writes_what_the_device_wrote(good_golden: Any) -> None:
    unwritten = {
        "muvr_ae_padbit_set": "sets spare bits",
        "muvr_ae_ios_test": "sets spare bits",
        "lift_recorded_chest_press": "an older header",
        "lift_scala_test_two_blocks": "an older header",
        "mp_recorded_ad_bd": "a counter that is not decoded",
    }
    frame = frames.decode(good_golden.data, good_golden.format)
    written = encode_frame(frame)
    again = frames.decode(written, good_golden.format)
    assert again.summary == frame.summary
    for one, other in zip(frame.blocks, again.blocks, strict=True):
        np.testing.assert_array_equal(one.samples, other.samples)
    if good_golden.name not in unwritten and good_golden.format not in _IN_G:
        ignored = 4 if good_golden.format in {Format.AE, Format.AD_INT16} else 0
        if ignored:
            assert written[:19] + written[20:] == good_golden.data[:19] + good_golden.data[20:]
        else:
            assert written == good_golden.data


def test_a_bad_frame_is_refused_with_its_error_unnamed_too(bad_golden: Any) -> None:
    with pytest.raises(CodecError) as refused:
        frames.decode(bad_golden.data)
    assert refused.value.code == bad_golden.meaning["error"].split(" ")[0]
