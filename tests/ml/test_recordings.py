"""Folders of recordings become examples: columns of every kind, traps handled and counted, bad files refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from kinelog.ml.examples import Dataset
from kinelog.ml.recorded_sets import RecordingError, read_recording
from kinelog.ml.recordings import Reading, Stretched, available_recordings, read_recordings

from tests.ml.made_recordings import movement_at, write_capture, write_recording
from tests.registry.damage import every_change


def read(folder: Path, *names: str, stretched: Stretched = Stretched.CORRECTED) -> Dataset:
    return read_recordings(folder, Reading(names=names or None, stretched=stretched))


def test_a_plain_set_has_its_columns_and_no_lead(tmp_path: Path) -> None:
    columns = {"subject": 7, "session": "monday", "exercise": "curl", "coarse": "arms", "rate_hz": 50, "site": "chest"}
    write_recording(tmp_path, "plain", [columns], [movement_at(50, 20)])
    (example,) = read(tmp_path).examples
    assert (example.person, example.session) == ("plain:7", "monday")
    assert (example.label, example.fine, example.sites) == ("arms", "curl", ("chest",))
    assert (example.start_row, example.end_row, len(example.samples)) == (0, 500, 500)


@pytest.mark.parametrize("rate_hz", [10, 12.5, 20, 25, 50, 100])
def test_every_rate_becomes_50_hz_and_lasts_as_long(tmp_path: Path, rate_hz: float) -> None:
    write_recording(tmp_path, "rates", [{"exercise": "curl", "rate_hz": rate_hz}], [movement_at(rate_hz, 6)])
    (example,) = read(tmp_path).examples
    assert example.source_rate_hz == rate_hz
    assert len(example.samples) / 50 == pytest.approx(6, abs=1 / rate_hz + 0.02)


def test_a_rate_that_no_model_is_made_for_is_counted(tmp_path: Path) -> None:
    write_recording(tmp_path, "slow", [{"exercise": "curl", "rate_hz": 5}], [movement_at(5, 30)])
    assert read(tmp_path).dropped == {"rate outside 10 to 100 Hz": 1}


def test_the_seconds_around_a_set_are_put_back_around_it(tmp_path: Path) -> None:
    whole = movement_at(100, 30)
    start, end = 1216, 2200
    around = np.concatenate([whole[:start], whole[end:]])
    both = {"session": "1", "exercise": "APULL", "coarse": "Pullups", "rate_hz": 100, "file": "a.csv"}
    rows = [{**both, "kind": "active", "t0": 12.4}, {**both, "kind": "idle", "t0": 0.24}]
    write_recording(tmp_path, "watched", rows, [whole[start:end], around])
    examples = read(tmp_path).examples
    (example,) = (example for example in examples if example.label is not None)
    assert (example.label, example.fine) == ("Pullups", "APULL")
    assert (example.start_row, example.end_row) == (200, 200 + (end - start) // 2)
    assert np.array_equal(example.samples, whole[start - 400 : start + 1000 : 2])
    negatives = [example for example in examples if example.label is None]
    assert negatives
    assert all(len(example.samples) >= 50 for example in negatives)


def test_units_recorded_together_are_one_example_of_several_sites(tmp_path: Path) -> None:
    rows = [{"subject": "s1", "exercise": "e1", "unit": unit, "rate_hz": 25} for unit in ("u2", "u1")]
    first, second = movement_at(25, 12, seed=1), movement_at(25, 12, seed=2)
    write_recording(tmp_path, "units", rows, [second, first])
    (example,) = read(tmp_path).examples
    assert example.sites == ("unit-1", "unit-2")
    assert np.array_equal(example.samples[0], np.concatenate([first[0], second[0]]))


def test_labelled_phases_are_examples_with_what_preceded_them_and_breaks_are_nothing(tmp_path: Path) -> None:
    rows = {
        "subject": "1", "file": "x.csv", "rate_hz": 10, "sites": ["Right Hand", "Belly"],
        "labels": [[0, 100, "setBreak"], [100, 120, "firstHalf"], [120, 150, "secondHalf"]],
    }  # fmt: skip
    samples = np.concatenate([movement_at(10, 40, seed=1), movement_at(10, 40, seed=2)], axis=1)
    write_recording(tmp_path, "phases", [rows], [samples])
    examples = {example.number: example for example in read(tmp_path).examples}
    assert [examples[number].label for number in range(3)] == [None, "firstHalf", "secondHalf"]
    assert examples[1].sites == ("right-wrist", "waist")
    assert (examples[1].start_row, examples[1].end_row) == (200, 300)
    assert len(examples[0].samples) == 496  # nothing of the phase that follows


def test_activities_and_rest_are_pieces_of_nothing(tmp_path: Path) -> None:
    rows = [{"subject": "1", "activity": "A", "rate_hz": 20}, {"subject": "1", "exercise": "rest", "rate_hz": 20}]
    write_recording(tmp_path, "days", rows, [movement_at(20, 65), movement_at(20, 7, seed=1)])
    examples = read(tmp_path).examples
    assert [example.label for example in examples] == [None] * 4
    assert Counter(example.session for example in examples) == {"A": 3, "": 1}


def test_a_signal_in_another_unit_is_converted_and_told(tmp_path: Path) -> None:
    samples = movement_at(50, 12)
    metres = np.clip(samples * 9.80665, -32768, 32767).astype(np.int16)
    rows = [{"exercise": "curl", "rate_hz": 50}] * 2
    write_recording(tmp_path, "unit", rows, [movement_at(50, 12, seed=1), metres])
    made = read(tmp_path)
    assert np.abs(made.examples[1].samples.astype(int) - samples[:500]).max() <= 1
    assert "1 signals in m/s2 converted" in made.note


def test_stretched_sets_run_at_their_true_speed_unless_asked_otherwise(tmp_path: Path) -> None:
    row = {"subject": "jan", "session": "arms/jan-2", "order": 1, "exercise": "curl", "rate_hz": 50}
    write_recording(tmp_path, "muvr", [row], [movement_at(50, 112 * 7 / 50)])
    (example,) = read(tmp_path).examples
    assert len(example.samples) == pytest.approx(112 * 7 / 78.25 * 50, abs=1)
    assert "1 stretched" in read(tmp_path).note
    (as_recorded,) = read(tmp_path, stretched=Stretched.AS_RECORDED).examples
    assert len(as_recorded.samples) == 500
    assert read(tmp_path, stretched=Stretched.LEFT_OUT).dropped == {"stretched": 1}


def test_captures_are_read_through_the_codecs_once_a_packet(tmp_path: Path) -> None:
    samples = {"1": movement_at(50, 12), "2": movement_at(50, 12, seed=1), "3": movement_at(50, 12, seed=2)}
    labels = "1=core,twist,left;high,20,12\n2=x,x,,0,0\n40=core,twist,,20,12\n3=arms,rope-curl,,5,9\n"
    write_capture(tmp_path / "recorded" / "ada-monday", samples, labels, lossy=frozenset({"3"}))
    made = read(tmp_path)
    (example,) = made.examples
    assert (example.person, example.session, example.number) == ("muvr:ada", "ada-monday", 1)
    assert (example.label, example.fine, example.sites) == ("twist", "twist-left-high", ("wrist",))
    assert example.source_rate_hz == pytest.approx(1000 / 20.45)
    # the row of the grid that lies next to the first sample; the format keeps steps of 8 milli-g
    assert np.abs(example.samples[0].astype(int) - samples["1"][0]).max() < 200
    assert made.dropped == {"label without a file": 1, "no label": 1, "every block lost samples": 1}


def test_a_set_that_is_in_two_recordings_comes_in_once_with_its_first_seconds(tmp_path: Path) -> None:
    samples = movement_at(50, 12)
    write_capture(tmp_path / "recorded" / "jan-arms-24-05", {"1": samples}, "1=arms,curl,,10,10\n")
    rows = [
        {"subject": "jan", "session": "arms/jan-2", "order": order, "exercise": "curl", "rate_hz": 50}
        for order in (1, 2)
    ]
    write_recording(tmp_path, "muvr", rows, [samples[100:], movement_at(50, 13, seed=5)])
    made = read(tmp_path)
    assert {example.number for example in made.examples if example.key.startswith("muvr/")} == {1}
    assert made.dropped == {"recorded twice": 1}
    assert {example.person for example in made.examples} == {"muvr:jan"}
    assert len(read(tmp_path, "muvr").examples) == 2  # alone it is whole


def test_the_same_samples_under_two_labels_are_kept_once(tmp_path: Path) -> None:
    rows = [{"exercise": "curl", "rate_hz": 50}, {"exercise": "raise", "rate_hz": 50}]
    write_recording(tmp_path, "twice", rows, [movement_at(50, 12)] * 2)
    made = read(tmp_path)
    assert (len(made.examples), made.dropped) == (1, {"same samples twice": 1})


def test_reading_twice_gives_the_same_hash_and_names_choose(tmp_path: Path) -> None:
    for seed, name in enumerate(("a", "b")):
        write_recording(tmp_path, name, [{"exercise": "curl", "rate_hz": 50}], [movement_at(50, 12, seed)])
    assert available_recordings(tmp_path) == ("a", "b")
    assert read(tmp_path).sha256 == read(tmp_path).sha256 != read(tmp_path, "a").sha256
    with pytest.raises(RecordingError, match="no recording 'c'; there are a, b"):
        read(tmp_path, "c")


def break_json(folder: Path) -> None:
    (folder / "bad.json").write_text('{"sets": 3}')


def break_offsets(folder: Path) -> None:
    np.savez(folder / "bad.npz", samples=np.zeros((10, 3), np.int16), offset=np.array([0, 99]))


def break_samples(folder: Path) -> None:
    np.savez(folder / "bad.npz", samples=np.zeros((10, 3), np.int32), offset=np.array([0, 10]))


def leave_out_samples(folder: Path) -> None:
    np.savez(folder / "bad.npz", offset=np.array([0, 10]))


def write_a_pickle(folder: Path) -> None:
    np.savez(folder / "bad.npz", samples=np.array([{}], dtype=object), offset=np.array([0, 1]))


def write_noise(folder: Path) -> None:
    (folder / "bad.npz").write_bytes(b"PK no archive")


def nest_without_end(folder: Path) -> None:
    (folder / "bad.json").write_bytes(b'{"sets": [' + b"[" * 100_000)


def write_another_encoding(folder: Path) -> None:
    (folder / "bad.json").write_bytes('{"note": "Übung", "sets": []}'.encode("latin-1"))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (write_another_encoding, "bad.json"),
        (nest_without_end, "bad.json"),
        (break_json, "bad.json.*sets"),
        (break_offsets, "bad.npz: offset"),
        (break_samples, "bad.npz: samples"),
        (leave_out_samples, "it needs `samples` and `offset`"),
        (write_a_pickle, "bad.npz"),
        (write_noise, "bad.npz"),
    ],
)
def test_a_bad_file_is_refused_by_its_name(tmp_path: Path, spoil: object, said: str) -> None:
    write_recording(tmp_path, "bad", [{"exercise": "curl", "rate_hz": 50}], [movement_at(50, 12)])
    assert callable(spoil)
    spoil(tmp_path)
    with pytest.raises(RecordingError, match=said):
        read(tmp_path)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_any_change_of_a_file_is_read_or_refused_by_its_name(tmp_path: Path, save: Callable[..., None]) -> None:
    write_recording(tmp_path, "bad", [{"exercise": "curl", "rate_hz": 50}], [movement_at(50, 12)])
    file = tmp_path / "bad.npz"
    with np.load(file) as arrays:
        save(file, **dict(arrays))

    def is_seen(damaged: bytes) -> None:
        file.write_bytes(damaged)
        with suppress(RecordingError):
            read_recording(tmp_path, "bad")

    whole = file.read_bytes()
    every_change(whole, [*range(0, 200, 7), *range(len(whole) - 300, len(whole), 7)], is_seen, examples=100)


def test_a_set_whose_line_cannot_be_used_is_counted_and_the_others_are_read(tmp_path: Path) -> None:
    good: dict[str, object] = {"exercise": "curl", "rate_hz": 50}
    lines: list[dict[str, object]] = [
        good,
        {"exercise": "curl"},
        good | {"exercise": 3},
        good | {"sites": ["a", "b"]},
        good | {"rate_hz": "x"},
    ]
    write_recording(tmp_path, "gym", lines, [movement_at(50, 12, seed=number) for number in range(5)])
    found = read(tmp_path)
    assert len(found.examples) == 1
    assert found.dropped == {"no rate": 1, "line that cannot be read": 2, "sites do not fit the columns": 1}


@pytest.mark.parametrize("unit", [1.0, 0.001, 0.00980665], ids=["milli-g", "g", "m/s2"])
def test_floats_of_any_unit_are_the_samples_they_were_made_of(tmp_path: Path, unit: float) -> None:
    samples, line = movement_at(50, 12), {"exercise": "curl", "rate_hz": 50}
    write_recording(tmp_path / "a", "gym", [line], [samples])
    write_recording(tmp_path / "b", "gym", [line], [(samples * unit).astype(np.float64)])
    ((whole,), (floats,)) = (read(tmp_path / name).examples for name in "ab")
    assert np.abs(whole.samples.astype(int) - floats.samples).max() <= 1


def test_rows_that_are_no_numbers_are_lost_samples_and_time_goes_on(tmp_path: Path) -> None:
    samples, line = movement_at(50, 12).astype(np.float64), {"exercise": "curl", "rate_hz": 50}
    write_recording(tmp_path / "a", "gym", [line], [samples])
    few, many = samples.copy(), samples.copy()
    few[10:13], many[10:60] = np.nan, np.inf
    write_recording(tmp_path / "b", "gym", [line], [few])
    write_recording(tmp_path / "c", "gym", [line], [many])
    (whole,), (bridged,) = read(tmp_path / "a").examples, read(tmp_path / "b").examples
    assert bridged.samples.shape == whole.samples.shape
    same = (bridged.samples == whole.samples).all(axis=1)
    assert same[:10].all()
    assert same[13:].all()
    assert read(tmp_path / "c").dropped == {"gap at the start": 1}


def test_an_empty_folder_says_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"no NAME\.json"):
        read(tmp_path)
    with pytest.raises(RecordingError, match="no such folder"):
        read(tmp_path / "nowhere")
