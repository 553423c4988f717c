"""Captures: every packet is read, numbered without loss and stored once; labels with holes say what they say."""

from __future__ import annotations

import asyncio
import os
import struct
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinelog.codecs.values import Format
from kinelog.phone.capture_files import HEADER, CaptureError, Packet, find_captures, read_capture, split
from kinelog.phone.capture_import import CaptureImport, CaptureReport
from kinelog.phone.capture_labels import read_labels
from kinelog.phone.client import OperatorClient, PhoneClient
from kinelog.phone.enrolment import enrol
from kinelog.phone.numbering import number_packets
from kinelog.phone.phone_session import SessionScript
from kinelog.phone.transport import Patience, Transport
from kinelog.phone.watch import WatchFrame

from tests.phone.fake_service import OWNER, FakeService, serving

START_MS = 1_700_000_000_000
PERIOD_MS = 2045
DEAD = struct.pack("<BBBBBBQH", 0xAD, 0, 50, 5, 0, 9, START_MS, 0) + b"\0"


def packet(sequence: int, at_ms: int, file: str = "1", duration_ms: int = PERIOD_MS, mark: int = 0) -> Packet:
    """A small packet that lasts as long as it is told."""
    header = HEADER.pack(0xAD, 1, 50, 5, 0, sequence % 256, at_ms, duration_ms)
    data = header + bytes([mark, 0, 0, 0, 0])
    return Packet(file, sequence % 256, at_ms, duration_ms, 50, 1, data)


def steady(sequences: list[int]) -> list[Packet]:
    """Packets whose clock agrees with their (unwrapped) sequence."""
    return [packet(sequence, START_MS + sequence * PERIOD_MS) for sequence in sequences]


def captured(seed: int, minutes: float) -> list[bytes]:
    """Packets of a simulated watch."""
    steps = SessionScript(seed, 0, 0, START_MS, minutes, Format.MUVR16).steps()
    return [step.data for step in steps if isinstance(step, WatchFrame)]


@dataclass(frozen=True)
class CaptureFolder:
    """A folder as a phone would have left it: every packet twice, some of them gone."""

    path: Path
    distinct: dict[str, int]


@pytest.fixture
def folder(tmp_path: Path) -> CaptureFolder:
    path = tmp_path / "ada-monday"
    path.mkdir()
    packets = captured(3, 8.0)
    files = {"1": packets[:40], "2": packets[60:80] + packets[83:100], "10": packets[300:340]}
    for name, kept in files.items():
        (path / f"{name}.raw").write_bytes(b"".join(data + data for data in kept))
    (path / "labels.txt").write_text("1=arms,rope-biceps-curl,,35,20\n2=core,twist,left;high,-1,0\n40=x,x,,0,0")
    return CaptureFolder(path, {name: len(kept) for name, kept in files.items()})


def import_folder(service: FakeService, path: Path) -> CaptureReport:
    async def scenario() -> CaptureReport:
        async with serving(service), aiohttp.ClientSession() as http:
            transport = Transport(http, service.url, Patience(give_up_after_s=5.0))
            phone = PhoneClient(await enrol(OperatorClient(transport, OWNER), "ada", "pebble", "pebble"))
            return await CaptureImport(read_capture(path), "ada", "north", phone, lambda _: None).run()

    return asyncio.run(scenario())


# ── the whole ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_of_every_file_as_much_is_stored_as_it_has_distinct_packets(folder: CaptureFolder) -> None:
    service = FakeService()
    report = import_folder(service, folder.path)
    assert report.complete
    assert {file.file: file.distinct for file in report.files} == folder.distinct
    assert all(file.stored == file.distinct == file.new == file.duplicates for file in report.files)
    assert service.duplicates == report.duplicates == report.duplicates_seen == sum(folder.distinct.values())
    kept = service.frames[report.session]
    assert {data for file in folder.path.glob("*.raw") for data in packets_of(file)} == set(kept.values())


def packets_of(path: Path) -> set[bytes]:
    return {packet.data for packet in split(path.stem, path.read_bytes()).packets}


def test_gaps_are_told_and_not_filled(folder: CaptureFolder) -> None:
    report = import_folder(FakeService(), folder.path)
    assert {file.file: file.gaps for file in report.files} == {"1": 0, "2": 3, "10": 0}
    assert report.missing == 340 - 117
    assert report.runs == 1


def test_labels_arrive_with_their_intervals_and_their_holes_are_counted(folder: CaptureFolder) -> None:
    service = FakeService()
    report = import_folder(service, folder.path)
    first, second = service.labels[report.session]
    assert (first["exercise"], first["weight_kg"], first["repetitions"]) == (
        "resistanceTargeted:arms/rope-biceps-curl", 35.0, 20,
    )  # fmt: skip
    assert second["exercise"] == "resistanceTargeted:core/twist-left-high"
    assert "weight_kg" not in second
    assert "repetitions" not in second
    assert first["start_ms"] == START_MS
    assert report.holes == {
        "weight unknown": 1, "repetitions unknown": 1, "exercise unknown (x,x)": 1, "label without a file": 1,
        "file without a label": 1,
    }  # fmt: skip
    assert report.session in service.ended


def test_a_second_import_stores_nothing(folder: CaptureFolder) -> None:
    service = FakeService()
    import_folder(service, folder.path)
    again = import_folder(service, folder.path.rename(folder.path.with_name("renamed")))
    assert len(service.frames) == 1
    assert again.new == 0
    assert again.complete
    assert all(file.stored == file.distinct for file in again.files)


def test_a_service_that_forgets_a_packet_makes_the_file_incomplete(folder: CaptureFolder) -> None:
    report = import_folder(FakeService(forget={70}), folder.path)
    assert [file.file for file in report.files if not file.complete] == ["2"]
    assert not report.complete


def test_what_is_no_packet_makes_the_file_incomplete_and_the_rest_is_stored(folder: CaptureFolder) -> None:
    path = folder.path / "1.raw"
    path.write_bytes(path.read_bytes() + b"\x01\x02\x03")
    report = import_folder(FakeService(), folder.path)
    first = report.files[0]
    assert (first.stored, first.unreadable_bytes) == (40, 3)
    assert first.detail is not None
    assert first.detail.endswith("no packet begins with 0x01")
    assert not report.complete


def test_a_folder_without_captures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"no \*\.raw files"):
        find_captures([tmp_path])


def test_a_folder_of_folders_is_taken_apart(folder: CaptureFolder) -> None:
    assert find_captures([folder.path.parent, folder.path]) == [folder.path]


# ── splitting ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_dead_packet_takes_its_byte_with_it_wherever_it_stands() -> None:
    normal = captured(1, 0.2)[0]
    file = split("1", normal + DEAD + normal + DEAD)
    assert [entry.data for entry in file.packets] == [normal, DEAD, normal, DEAD]
    assert file.reason is None


@given(st.binary(max_size=400), st.integers(0, 3))
def test_splitting_never_fails_and_never_invents_or_loses_bytes(data: bytes, good: int) -> None:
    data = captured(1, 0.2)[0] * good + data
    file = split("1", data)
    assert b"".join(entry.data for entry in file.packets) == data[: len(data) - file.unreadable_bytes]
    assert (file.unreadable_at is None) == (file.unreadable_bytes == 0)
    assert len(file.packets) >= good


# ── numbering ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_sequence_that_wraps_goes_on_counting() -> None:
    numbered = number_packets(steady([250, 252, 255, 256, 258, 600]))
    assert [entry.number for entry in numbered] == [0, 2, 5, 6, 8, 350]
    assert {entry.run for entry in numbered} == {0}


def test_a_sequence_that_contradicts_the_clock_begins_a_new_run_behind_the_last_number() -> None:
    before = steady([10, 11, 12])
    restarted = [packet(40 + i, before[-1].timestamp_ms + (5 + i) * PERIOD_MS) for i in range(3)]
    numbered = number_packets([*before, *restarted])
    assert [(entry.number, entry.run) for entry in numbered] == [(0, 0), (1, 0), (2, 0), (3, 1), (4, 1), (5, 1)]


def test_equal_sequences_with_other_bytes_get_numbers_of_their_own() -> None:
    first = packet(7, START_MS)
    other = packet(7, START_MS + PERIOD_MS, mark=1)
    numbered = number_packets([first, other, first])
    assert [entry.number for entry in numbered] == [0, 1]
    assert [entry.run for entry in numbered] == [0, 1]


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(0, 10**9), st.integers(0, 3)), max_size=40))
def test_whatever_the_clock_says_every_distinct_packet_has_a_number_of_its_own(
    given_packets: list[tuple[int, int, int]],
) -> None:
    packets = [packet(sequence, at_ms, mark=mark) for sequence, at_ms, mark in given_packets]
    numbered = number_packets(packets)
    assert {entry.packet.data for entry in numbered} == {entry.data for entry in packets}
    assert len({entry.number for entry in numbered}) == len(numbered)
    assert [entry.number for entry in numbered] == sorted(entry.number for entry in numbered)


@given(st.lists(st.integers(1, 400), min_size=1, max_size=40), st.integers(0, 255))
def test_gaps_of_any_length_are_found_as_long_as_the_clock_runs(steps: list[int], first: int) -> None:
    sequences = [first]
    for step in steps:
        sequences.append(sequences[-1] + step)
    numbered = number_packets(steady(sequences))
    assert [entry.number + first for entry in numbered] == sequences


# ── labels ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("line", "exercise", "hole"),
    [
        ("1=aerobic,rowing,,0,0", "indoorsCardio:back,legs/rowing", "aerobic taken as indoorsCardio"),
        ("1=aerobic,stepper,,0,0", "indoorsCardio:legs/stepper", "aerobic taken as indoorsCardio"),
        ("1=arms,tricep-dips,,-1,20", "resistanceTargeted:arms/triceps-dips", "name put right"),
        ("1=chest,angle-chest-press,low,37.5,9", "resistanceTargeted:chest/angle-chest-press-low", None),
        ("1=x,x,,0,0", None, "exercise unknown (x,x)"),
        ("1=neck,nod,,1,1", None, "group unknown"),
        ("1 arms", None, "unreadable line"),
        ("", None, "file without a label"),
    ],
)
def test_each_kind_of_label_is_mapped_and_counted(line: str, exercise: str | None, hole: str | None) -> None:
    labels = read_labels(line, {"1"})
    found = labels.of_file.get("1")
    assert (None if found is None else found.exercise) == exercise
    assert hole is None or labels.holes[hole] == 1


@given(st.text(alphabet="x=,;-1.é\n abcgroupms", max_size=200))
def test_no_text_breaks_the_labels(text: str) -> None:
    labels = read_labels(text, {"1", "2"})
    assert set(labels.of_file) <= {"1", "2"}
    assert all(count > 0 for count in labels.holes.values())


# ── real recordings ──────────────────────────────────────────────────────────────────────────────────────────────


def test_real_recordings_are_stored_whole() -> None:
    place = os.environ.get("KINELOG_RECORDINGS")
    if place is None:
        pytest.skip("KINELOG_RECORDINGS names no folder of real recordings")
    for path in find_captures([Path(place)]):
        report = import_folder(FakeService(), path)
        assert report.complete, report.capture
        assert report.stored == report.distinct > 0
        assert report.duplicates_seen == report.duplicates
