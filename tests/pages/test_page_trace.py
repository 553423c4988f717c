"""The drawn trace keeps every peak, stays light, and never bridges what is missing."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from kinelog.api.page_trace import MAX_GAPS, DrawnStream, Stream, drawn, streams_of, summary
from kinelog.projections.rows import SampleRow

START = 1_772_368_200_000.0


def row(second: float, values: list[list[int]], device: str = "watch", rate: float = 50.0) -> SampleRow:
    samples = np.array(values, dtype=np.int16).reshape(-1, 3)
    return SampleRow(device, "accelerometer", "left-wrist", "mg", START + second * 1000, rate, samples)


def seconds(present: list[int], rate: int = 10, seed: int = 0) -> Stream:
    generator = np.random.default_rng(seed)
    rows = [row(at, generator.integers(-8000, 8000, (rate, 3)).tolist(), rate=float(rate)) for at in present]
    return streams_of(rows)[0]


def spans(shown: DrawnStream) -> list[tuple[float, float]]:
    """Times between which the drawing has a line."""
    pairs = zip(shown.t, shown.t[1:], strict=False)
    return [(left, right) for left, right in pairs if left is not None and right is not None]


PRESENT = st.sets(st.integers(0, 120), min_size=1, max_size=120).map(sorted)


@given(PRESENT, st.integers(2, 300))
@settings(max_examples=60, deadline=None)
def test_no_line_is_drawn_across_a_gap_wider_than_a_column(present: list[int], columns: int) -> None:
    stream = seconds(present)
    end = START + 121_000
    width = (end - START) / columns
    shown = drawn(stream, START, end, 0, columns)
    silences = stream.gaps()
    for left, right in spans(shown):
        for silence_start, silence_end in silences.tolist():
            covered = min(right, silence_end) - max(left, silence_start)
            assert covered <= width, (left, right, silence_start, silence_end)


@given(PRESENT, st.integers(2, 300), st.integers(0, 2**16))
@settings(max_examples=60, deadline=None)
def test_the_drawing_has_the_same_peaks_and_a_bounded_size(present: list[int], columns: int, seed: int) -> None:
    stream = seconds(present, seed=seed)
    shown = drawn(stream, START, START + 121_000, 0, columns)
    assert shown.envelope == (len(stream.times) > 2 * columns)
    assert len(shown.t) <= 3 * columns if shown.envelope else len(shown.t) <= 2 * len(stream.times)
    for axis, column in zip("xyz", stream.values.T, strict=True):
        known = [value for value in shown.values[axis] if value is not None]
        assert len(shown.values[axis]) == len(shown.t)
        assert (min(known), max(known)) == (column.min(), column.max())


def test_zoomed_in_every_sample_is_there_at_its_time_on_the_gyms_clock() -> None:
    values = [[index, -index, 1000] for index in range(50)]
    shown = drawn(streams_of([row(0, values)])[0], START + 100, START + 200, 3_600_000)
    assert shown.t == [START + 3_600_000 + at for at in (100, 120, 140, 160, 180)]
    assert shown.values == {"x": [5, 6, 7, 8, 9], "y": [-5, -6, -7, -8, -9], "z": [1000] * 5}
    assert not shown.envelope


def test_a_missing_second_is_a_null_and_a_gap_and_no_invented_value() -> None:
    shown = drawn(seconds([0, 2]), START, START + 3000, 0)
    assert shown.t.count(None) == 1
    assert shown.t[10] is None
    assert shown.gaps == [(START + 1000, START + 2000)]


def test_a_gap_that_is_narrower_than_a_pixel_is_still_told() -> None:
    present = [at for at in range(3600) if at != 1800]
    shown = drawn(seconds(present), START, START + 3_600_000, 0, columns=100)
    assert shown.envelope
    assert shown.gaps == [(START + 1_800_000, START + 1_801_000)]


def test_of_very_many_gaps_the_longest_are_told() -> None:
    present = [at for at in range(0, 2000, 2) if at not in (1000, 1002)]
    shown = drawn(seconds(present), START, START + 2_000_000, 0)
    assert len(shown.gaps) == MAX_GAPS
    assert shown.gaps[0] == (START + 999_000, START + 1_004_000)


def test_a_range_without_samples_draws_nothing() -> None:
    shown = drawn(seconds([0]), START + 5000, START + 6000, 0)
    assert shown.t == []
    assert shown.values == {"x": [], "y": [], "z": []}


def test_rows_are_put_together_by_device_and_sensor_in_order_of_time() -> None:
    rows = [row(1, [[2, 2, 2]], "b"), row(0, [[1, 1, 1]], "b"), row(0, [[9, 9, 9]], "a"), row(3, [], "c")]
    streams = streams_of(rows)
    assert [stream.device for stream in streams] == ["a", "b"]
    assert streams[1].values[:, 0].tolist() == [1, 2]


def test_the_summary_leaves_gaps_out_of_the_signal_and_names_the_peaks() -> None:
    told = summary(streams_of([row(0, [[-7, 0, 5]] * 50), row(4, [[3, 1, 6]] * 50)])[0])
    assert (told.samples, told.gaps, told.longest_gap_s, told.signal_s) == (100, 1, 3.0, 2.0)
    assert told.lowest == {"x": -7, "y": 0, "z": 5}
    assert told.highest == {"x": 3, "y": 1, "z": 6}
