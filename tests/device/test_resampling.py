"""Resampling by timestamps: nothing is stretched, nothing is made up unmarked, and C writes the same numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from kinelog.device.resampling import MAX_GAP_MS, Resampled, ResamplingError, resample
from numpy.typing import NDArray

from tests.device.built import Command

START = 1_464_796_800_000.0
SOURCES_HZ = (10.0, 12.5, 20.0, 25.0, 50.0, 51.3, 100.0)
int16_rows = arrays.arrays(np.int16, st.tuples(st.integers(1, 120), st.just(3)))


def at_rate(rows: int, hz: float) -> NDArray[np.float64]:
    return START + np.arange(rows, dtype=np.float64) * 1000.0 / hz


@given(int16_rows, st.floats(0, 1e9))
def test_what_comes_at_fifty_hertz_comes_out_as_it_is(rows: NDArray[np.int16], start: float) -> None:
    said = resample(rows, start + np.arange(len(rows), dtype=np.float64) * 20.0)
    np.testing.assert_array_equal(said.samples, rows)
    assert said.start_ms == start
    assert said.measured.all()


@given(int16_rows)
def test_every_second_sample_of_a_hundred_hertz_comes_out(rows: NDArray[np.int16]) -> None:
    np.testing.assert_array_equal(resample(rows, at_rate(len(rows), 100)).samples, rows[::2])


@given(int16_rows)
def test_of_a_slow_source_every_sample_comes_out_and_the_middle_between(rows: NDArray[np.int16]) -> None:
    said = resample(rows, at_rate(len(rows), 25)).samples
    np.testing.assert_array_equal(said[::2], rows)
    middle = (rows[1:].astype(float) + rows[:-1]) / 2
    np.testing.assert_array_equal(said[1::2], np.rint(middle))


@pytest.mark.parametrize("hz", SOURCES_HZ)
def test_a_straight_line_stays_one_and_lasts_as_long(hz: float) -> None:
    times = at_rate(60, hz)
    said = resample((times[:, None] - START) * 2.0, times)
    np.testing.assert_array_equal(said.samples[:, 0], np.rint(np.arange(len(said.samples)) * 40.0))
    assert 0 <= times[-1] - START - 20 * (len(said.samples) - 1) < 20


@pytest.mark.parametrize("hz", SOURCES_HZ)
def test_a_movement_keeps_its_tempo_whatever_the_source(hz: float) -> None:
    times = at_rate(int(6 * hz), hz)
    said = resample(1000 * np.sin(2 * np.pi * (times - START)[:, None] / 1000), times).samples[:250, 0]
    assert int(np.abs(np.fft.rfft(said.astype(float))).argmax()) == 5


@given(st.integers(2, 40), st.integers(2, 40), st.integers(13, 400))
def test_a_gap_is_not_stretched_and_what_lies_in_it_is_marked(before: int, after: int, missing: int) -> None:
    rows = np.arange(before + missing + after, dtype=np.int16)[:, None]
    kept = np.r_[0:before, before + missing : before + missing + after]
    said = resample(rows[kept], at_rate(len(rows), 50)[kept])
    assert len(said.samples) == len(rows)
    np.testing.assert_array_equal(said.samples[kept], rows[kept])
    expected = np.isin(np.arange(len(rows)), kept) if 20.0 * (missing + 1) > MAX_GAP_MS else np.ones(len(rows), bool)
    np.testing.assert_array_equal(said.measured, expected)


def test_halves_are_rounded_to_even_and_ends_saturate() -> None:
    said = resample(np.array([[0.5, 1.5, -2.5, 1e6, -1e6]]), np.array([START]))
    assert said.samples.tolist() == [[0, 2, -2, 32767, -32768]]


def test_a_shared_start_brings_sites_to_one_grid() -> None:
    line = np.arange(100.0)[:, None] * 10
    one = resample(line, START + np.arange(100.0) * 10.0, start_ms=START + 33)
    other = resample(line + 0.5, START + 0.5 + np.arange(100.0) * 10.0, start_ms=START + 33)
    assert one.start_ms == other.start_ms == START + 33
    np.testing.assert_array_equal(one.samples, other.samples[: len(one.samples)])


@pytest.mark.parametrize(
    ("times", "field"),
    [
        ([0.0, 20.0, 20.0], "times_ms: row 2"),
        ([0.0, 20.0, 10.0], "times_ms: row 2"),
        ([0.0, float("nan"), 40.0], "times_ms: row 1"),
        ([0.0, 20.0, float("inf")], "times_ms: row 2"),
        ([0.0, 20.0, 1e15], "times_ms: .* longer than a day"),
        ([0.0, 20.0], "samples"),
        ([], "times_ms"),
    ],
)
def test_times_that_are_no_recording_are_refused(times: list[float], field: str) -> None:
    with pytest.raises(ResamplingError, match=field):
        resample(np.zeros((3, 3)), np.array(times))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_samples_that_are_not_finite_are_refused(value: float) -> None:
    with pytest.raises(ResamplingError, match="samples: row 1"):
        resample(np.array([[0.0], [value]]), np.array([0.0, 20.0]))


@pytest.mark.parametrize(
    ("to_hz", "start"), [(0.0, 0.0), (1001.0, 0.0), (float("nan"), 0.0), (50.0, -1.0), (50.0, 21.0)]
)
def test_a_rate_or_a_start_out_of_range_is_refused(to_hz: float, start: float) -> None:
    with pytest.raises(ResamplingError, match=r"to_hz|start_ms"):
        resample(np.zeros((2, 3)), np.array([0.0, 20.0]), to_hz, start_ms=start)


def said_by_c(command: Command, rows: NDArray[np.float64], times: NDArray[np.float64], to_hz: float) -> Resampled:
    text = "".join(
        f"{time!r} {' '.join(map(repr, row))}\n" for time, row in zip(times.tolist(), rows.tolist(), strict=True)
    )
    said = command("resample", repr(float(times[0])), repr(to_hz), repr(MAX_GAP_MS), rows=text)
    assert said.code == 0, said.complaint
    table = np.array([line.split() for line in said.lines], np.int16)
    return Resampled(table[:, 1:], float(times[0]), table[:, 0] == 1)


@settings(max_examples=40, deadline=None)
@given(
    arrays.arrays(np.float64, st.tuples(st.integers(1, 40), st.integers(1, 6)), elements=st.floats(-40000, 40000)),
    st.lists(st.floats(0.5, 400), min_size=40, max_size=40),
    st.sampled_from([20.0, 25.0, 50.0, 100.0]),
)
def test_c_writes_the_same_rows(command: Command, rows: NDArray[np.float64], steps: list[float], to_hz: float) -> None:
    times = START + np.cumsum(steps)[: len(rows)]
    ours, theirs = resample(rows, times, to_hz), said_by_c(command, rows, times, to_hz)
    np.testing.assert_array_equal(ours.samples, theirs.samples)
    np.testing.assert_array_equal(ours.measured, theirs.measured)


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ("0 1\n20 2\n20 3\n", "times_ms"),
        ("0 1\nnan 2\n", "times_ms"),
        ("0 1\n20 inf\n", "samples"),
        ("0 1\n1e15 2\n", "times_ms"),
        ("", "times_ms"),
        ("0 1\n20 2 3\n", "rows"),
    ],
)
def test_c_refuses_what_is_no_recording(command: Command, rows: str, complaint: str) -> None:
    said = command("resample", "0", "50", "250", rows=rows)
    assert said.code == 65
    assert complaint in said.complaint
