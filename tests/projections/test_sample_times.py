"""Times of samples: measured, never stretched, the same however frames arrived."""

from __future__ import annotations

import random
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinelog.projections.rows import SampleRow
from kinelog.projections.views.sample_clock import Run, add_frame, measured_period_ms

from tests.projections.gym_floor import NOON_MS, TENANT, GymFloor
from tests.projections.watch_frames import ae, apple_watch, gfs_blocks, movement, muvr16_block

TRUE_PERIOD_MS = 20.45


def samples(floor: GymFloor, frames: dict[int, bytes], start_ms: int | None = None) -> list[SampleRow]:
    """Send frames in the given order and read everything back."""
    anna = floor.register("anna")
    session = floor.start(anna, 1)
    for sequence, data in frames.items():
        floor.send(anna, session, sequence, data, start_ms)
    floor.project()
    return floor.read_side.samples(TENANT, anna.pseudonym, session, None, None, 10_000)


def drifting_ae(count: int) -> dict[int, bytes]:
    """Frames of 50 samples of 20.45 ms each, whose starts are cut to whole seconds."""
    return {n: ae(int(NOON_MS + n * 50 * TRUE_PERIOD_MS), seed=n) for n in range(count)}


def test_full_blocks_are_what_the_rate_is_measured_on(floor: GymFloor) -> None:
    at, frames = NOON_MS, {}
    for number in range(10):
        short = number in {3, 7}
        duration = 2250 if short else 2045
        frames[number] = muvr16_block(at, 70 if short else 100, duration, number, seed=number)
        at += duration
    rows = samples(floor, frames)
    assert [row.rate_hz for row in rows] == pytest.approx([1000 / TRUE_PERIOD_MS] * len(rows))
    assert sum(len(row.samples) for row in rows) == 8 * 100 + 2 * 70


def test_lost_samples_are_told_and_the_others_are_not_stretched_over_them(floor: GymFloor) -> None:
    frames = {
        0: muvr16_block(NOON_MS, 100, 2045, 0),
        1: muvr16_block(NOON_MS + 2045, 70, 2250, 1),
        2: muvr16_block(NOON_MS + 4295, 100, 2045, 2),
    }
    rows = samples(floor, frames)
    assert {row.sequence: row.lost for row in rows if row.lost} == {1: 40}
    short = [row for row in rows if row.sequence == 1]
    assert [len(row.samples) for row in short] == [50, 20]
    assert short[1].start_ms - short[0].start_ms == pytest.approx(50 * TRUE_PERIOD_MS)
    (session,) = floor.read_side.session(TENANT, "00000000-0000-4000-8000-000000000001")
    assert session.short_blocks == 1


def test_whole_second_starts_are_averaged_out(floor: GymFloor) -> None:
    rows = samples(floor, drifting_ae(300))
    assert rows[0].rate_hz == pytest.approx(1000 / TRUE_PERIOD_MS, rel=1e-3)
    errors = [row.start_ms - (NOON_MS + row.sequence * 50 * TRUE_PERIOD_MS) for row in rows]
    assert max(map(abs, errors)) < 60  # the frames' own word is wrong by up to a second


def test_a_short_recording_keeps_the_nominal_rate(floor: GymFloor) -> None:
    rows = samples(floor, drifting_ae(4))
    assert {row.rate_hz for row in rows} == {50.0}


def test_gaps_and_pauses_do_not_bend_the_clock(floor: GymFloor) -> None:
    frames = drifting_ae(400)
    for lost in (*range(50, 60), 130, *range(200, 230)):
        del frames[lost]
    paused = {n + 400: ae(int(NOON_MS + 900_000 + n * 50 * TRUE_PERIOD_MS), seed=n) for n in range(100)}
    rows = samples(floor, frames | paused)
    assert rows[0].rate_hz == pytest.approx(1000 / TRUE_PERIOD_MS, rel=2e-3)
    behind = [row for row in rows if row.sequence >= 400]
    assert abs(behind[0].start_ms - (NOON_MS + 900_000)) < 150


def test_late_and_disordered_frames_come_to_the_same_times(floor: GymFloor) -> None:
    frames = drifting_ae(120)
    numbers = list(frames)
    random.Random(4).shuffle(numbers)
    anna, boris = floor.register("anna"), floor.register("boris")
    first, second = floor.start(anna, 1), floor.start(boris, 2)
    for number in frames:
        floor.send(anna, first, number, frames[number])
    for number in numbers:
        floor.send(boris, second, number, frames[number])
    floor.project()
    in_order = floor.read_side.samples(TENANT, anna.pseudonym, first, None, None, 1000)
    shuffled = floor.read_side.samples(TENANT, boris.pseudonym, second, None, None, 1000)
    assert [(row.sequence, row.samples.tobytes()) for row in in_order] == [
        (row.sequence, row.samples.tobytes()) for row in shuffled
    ]
    np.testing.assert_allclose([row.start_ms for row in in_order], [row.start_ms for row in shuffled], atol=1e-3)


def test_all_sensors_of_a_watch_are_expanded_exactly(floor: GymFloor) -> None:
    rows = samples(floor, {0: apple_watch(NOON_MS, 120)})
    by_kind = {kind: [row for row in rows if row.kind == kind] for kind in ("accelerometer", "gyroscope", "heart_rate")}
    assert {kind: [len(row.samples) for row in found] for kind, found in by_kind.items()} == {
        "accelerometer": [50, 50, 20], "gyroscope": [50, 50, 20], "heart_rate": [50, 50, 20],
    }  # fmt: skip
    accelerometer = np.vstack([row.samples for row in by_kind["accelerometer"]])
    np.testing.assert_array_equal(accelerometer, movement(120, 0))
    assert [(row.unit, row.samples.dtype.str, row.samples.shape[1]) for row in rows[:3]] == [
        ("mg", "<i2", 3), ("rad/s", "<f4", 3), ("bpm", "<i2", 1),
    ]  # fmt: skip


def test_blocks_without_a_clock_follow_one_another(floor: GymFloor) -> None:
    rows = samples(floor, {0: gfs_blocks((50, 30))}, start_ms=NOON_MS + 5)
    assert [(row.start_ms, len(row.samples)) for row in rows] == [(NOON_MS + 5, 50), (NOON_MS + 1005, 30)]


def test_an_interval_gives_exactly_the_rows_that_start_in_it(floor: GymFloor) -> None:
    everything = samples(floor, drifting_ae(100))
    person = floor.keys.pseudonym(TENANT, "anna")
    assert person is not None
    session = "00000000-0000-4000-8000-000000000001"
    for first, last, limit in ((NOON_MS + 10_300, NOON_MS + 31_700, 1000), (NOON_MS, NOON_MS + 90_000, 7)):
        expected = [row for row in everything if first <= row.start_ms < last][:limit]
        found = floor.read_side.samples(TENANT, person, session, first, last, limit)
        assert [(row.start_ms, row.sequence) for row in found] == [(row.start_ms, row.sequence) for row in expected]


@given(st.permutations(range(40)), st.sets(st.integers(0, 39), max_size=8))
def test_runs_do_not_depend_on_the_order_of_frames(order: list[int], lost: set[int]) -> None:
    def runs_of(numbers: list[int]) -> list[Run]:
        runs: list[Run] = []
        for n in numbers:
            add_frame(runs, Run(n, n, 1000 * n + 23 * n, 1000 * n + 23 * n, 50), 50, 1)
        return runs

    kept = [n for n in range(40) if n not in lost]
    in_order = runs_of(kept)
    shuffled = runs_of([n for n in order if n not in lost])
    assert shuffled == in_order
    assert sum(run.n for run in in_order) == len(kept)
    if any(run.n > 1 for run in in_order):
        assert measured_period_ms(in_order, 50, 1) == pytest.approx(20.46)


def test_no_line_moves_a_frame_further_than_the_cut_did(floor: GymFloor) -> None:
    # Two long runs at periods that differ: one common slope fits neither at its ends.
    slow = {n: ae(int(NOON_MS + n * 1040), seed=n) for n in range(300)}
    fast = {1000 + n: ae(int(NOON_MS + 600_000 + n * 985), seed=n) for n in range(300)}
    rows = samples(floor, slow | fast)
    told = {n: NOON_MS + n * 1040 for n in range(300)} | {1000 + n: NOON_MS + 600_000 + n * 985 for n in range(300)}
    assert len(rows) == 600
    assert all(-1000 <= row.start_ms - told[row.sequence] <= 1000 for row in rows)


def test_frames_that_say_no_rate_are_reckoned_with_the_usual_one_until_it_is_measured(floor: GymFloor) -> None:
    frames = {n: ae(int(NOON_MS + n * 50 * TRUE_PERIOD_MS), seed=n, rate_hz=0) for n in range(100)}
    anna = floor.register("anna")
    session = floor.start(anna, 1)
    floor.send(anna, session, 0, frames[0])
    floor.project()
    (row,) = floor.read_side.samples(TENANT, anna.pseudonym, session, None, None, 10)
    assert (row.rate_hz, len(row.samples)) == (50.0, 50)
    for sequence, data in frames.items():
        if sequence:
            floor.send(anna, session, sequence, data)
    floor.project()
    rows = floor.read_side.samples(TENANT, anna.pseudonym, session, None, None, 1000)
    assert [row.rate_hz for row in rows] == pytest.approx([1000 / TRUE_PERIOD_MS] * 100, rel=0.01)
    assert not floor.read_side.parked()


def test_a_frame_whose_clock_is_wild_lies_where_it_arrived_and_parks_nothing(floor: GymFloor) -> None:
    anna = floor.register("anna")
    session = floor.start(anna, 1)
    odd = ae(NOON_MS)[:4] + struct.pack("<d", float("nan")) + ae(NOON_MS)[12:]
    late = ae(NOON_MS, seed=1)[:4] + struct.pack("<d", 1e15) + ae(NOON_MS, seed=1)[12:]
    wild = bytearray(muvr16_block(NOON_MS, seed=2))
    wild[6:14] = b"\xff" * 8
    for sequence, data in enumerate((odd, late, bytes(wild))):
        floor.send(anna, session, sequence, data)
    floor.project()
    rows = floor.read_side.samples(TENANT, anna.pseudonym, session, None, None, 10)
    assert sum(len(row.samples) for row in rows) == 200
    assert all(abs(row.start_ms - NOON_MS) < 24 * 3_600_000 for row in rows)
    assert not floor.read_side.parked()


def test_starts_that_lie_whole_seconds_apart_are_taken_as_they_stand(floor: GymFloor) -> None:
    rows = samples(floor, {n: ae(NOON_MS + 1000 * n, seed=n) for n in range(20)})
    assert [row.start_ms for row in rows] == [NOON_MS + 1000 * n for n in range(20)]
