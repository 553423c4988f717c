"""What is too poor to learn from is left out for the reason it is; what is only cut short stays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinelog.ml.cutting import Cut, cut
from kinelog.ml.gates import Refused, refusal
from kinelog.ml.signals import Signal, evenly, joined

from tests.ml.made_recordings import movement_at

START_MS, END_MS = 5_000.0, 15_000.0


@pytest.fixture(scope="module")
def good() -> Signal:
    return evenly(movement_at(50, 20), 50)


def without(signal: Signal, low_ms: float, high_ms: float) -> Signal:
    kept = (signal.times_ms < low_ms) | (signal.times_ms >= high_ms)
    return Signal(signal.times_ms[kept], signal.samples[kept], signal.rate_hz)


def cut_out(signal: Signal) -> Cut | Refused:
    return cut({"left-wrist": signal}, START_MS, END_MS)


def rows_of(signal: Signal) -> tuple[int, int]:
    """Rows before the start, and from it on."""
    made = cut_out(signal)
    assert isinstance(made, Cut)
    return made.start_row, len(made.samples) - made.start_row


def test_a_good_signal_passes_whole(good: Signal) -> None:
    assert refusal(good) is None
    assert rows_of(good) == (200, 500)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_no_number_is_named(good: Signal, value: float) -> None:
    samples = good.samples.astype(np.float64)
    samples[300, 1] = value
    assert cut_out(Signal(good.times_ms, samples, 50.0)) is Refused.NOT_FINITE


@pytest.mark.parametrize("factor", [0.001, 0.1, 9.80665])
def test_another_unit_or_no_gravity_is_out_of_range(good: Signal, factor: float) -> None:
    assert cut_out(Signal(good.times_ms, good.samples.astype(np.float64) * factor, 50.0)) is Refused.RANGE


def test_one_value_that_no_sensor_says_is_out_of_range(good: Signal) -> None:
    samples = good.samples.copy()
    samples[300, 1] = 30_000
    assert cut_out(Signal(good.times_ms, samples, 50.0)) is Refused.RANGE


def test_a_sensor_at_its_stop_is_clipped_and_a_single_peak_is_not(good: Signal) -> None:
    samples = good.samples.copy()
    samples[300:360, 0] = 4095
    assert cut_out(Signal(good.times_ms, samples, 50.0)) is Refused.CLIPPED
    samples = good.samples.copy()
    samples[300, 0] = 4095
    assert isinstance(cut_out(Signal(good.times_ms, samples, 50.0)), Cut)


def test_a_gap_at_the_start_is_a_refusal_and_one_elsewhere_cuts_short(good: Signal) -> None:
    assert cut_out(without(good, 4_500, 6_000)) is Refused.GAP
    assert cut_out(without(good, 5_600, 6_600)) is Refused.GAP
    assert rows_of(without(good, 3_000, 4_000)) == (50, 500)
    assert rows_of(without(good, 9_000, 10_000)) == (200, 200)


def test_a_pause_that_a_line_bridges_is_none(good: Signal) -> None:
    assert rows_of(without(good, 5_100, 5_300)) == (200, 500)


def test_a_signal_that_begins_too_late_or_ends_too_early_says_so(good: Signal) -> None:
    assert cut_out(without(good, 0, 5_300)) is Refused.LATE
    assert rows_of(without(good, 0, 5_100))[0] == 0
    assert cut_out(without(good, 5_700, 99_000)) is Refused.SHORT
    assert cut_out(without(good, 0, 99_000)) is Refused.EMPTY
    assert cut({}, START_MS, END_MS) is Refused.EMPTY


def test_a_site_that_fails_is_left_out_and_the_others_stay(good: Signal) -> None:
    made = cut({"waist": without(good, 4_500, 6_000), "chest": good}, START_MS, END_MS)
    assert isinstance(made, Cut)
    assert (made.sites, made.refused) == (("chest",), {"waist": Refused.GAP})


def test_sites_of_different_rates_stand_side_by_side_on_one_grid() -> None:
    slow, fast = evenly(movement_at(25, 20), 25, start_ms=7.0), evenly(movement_at(100, 20, seed=1), 100, start_ms=33.0)
    made = cut({"chest": fast, "left-wrist": slow}, START_MS, END_MS)
    assert isinstance(made, Cut)
    assert (made.sites, made.rate_hz) == (("left-wrist", "chest"), 25)
    alone = cut({"chest": fast}, START_MS, END_MS)
    assert isinstance(alone, Cut)
    assert np.array_equal(made.samples[:, 3:], alone.samples)


@settings(max_examples=40, deadline=None)
@given(
    rate_hz=st.sampled_from((10.0, 20.0, 25.0, 49.2, 50.0, 100.0)),
    lost=st.integers(0, 150),
    clock=st.integers(0, 10**12),
)
def test_how_much_was_read_in_front_and_where_the_clock_begins_changes_no_row(
    rate_hz: float, lost: int, clock: int
) -> None:
    whole = evenly(movement_at(rate_hz, 20), rate_hz, start_ms=20.0 * clock)
    start_ms = 20.0 * clock + START_MS + 4_000
    made = cut({"chest": whole}, start_ms, start_ms + 5_000)
    later = cut({"chest": whole.part(int(lost * rate_hz / 50), len(whole.times_ms))}, start_ms, start_ms + 5_000)
    assert isinstance(made, Cut)
    assert isinstance(later, Cut)
    assert np.array_equal(made.samples, later.samples)


def test_joined_signals_never_go_back_in_time() -> None:
    first, second = evenly(movement_at(50, 2), 50), evenly(movement_at(50, 2, seed=1), 50, start_ms=1_970.0)
    both = joined([second, first])
    assert (np.diff(both.times_ms) > 0).all()
    assert len(both.times_ms) == 199
    with pytest.raises(ValueError, match="no signals"):
        joined([])


@pytest.mark.parametrize(("rate_hz", "wanted"), [(9, Refused.RATE), (10, None), (104, None), (107, Refused.RATE)])
def test_rates_may_be_five_percent_beyond_what_is_promised(rate_hz: int, wanted: Refused | None) -> None:
    assert refusal(evenly(movement_at(rate_hz, 20), rate_hz)) is wanted


@pytest.mark.parametrize(("length_mg", "wanted"), [(290, Refused.RANGE), (310, None), (1_800, None)])
def test_a_still_sensor_that_feels_less_than_three_tenths_of_gravity_is_out_of_range(
    length_mg: int, wanted: Refused | None
) -> None:
    samples = np.zeros((500, 3), dtype=np.int16)
    samples[:, 2] = length_mg
    assert refusal(evenly(samples, 50)) is wanted


@pytest.mark.parametrize(("factor", "wanted"), [(0.95, None), (1.05, Refused.RANGE)])
def test_a_median_of_three_times_gravity_is_another_unit(good: Signal, factor: float, wanted: Refused | None) -> None:
    values = good.samples.astype(np.float64)
    median = float(np.median(np.linalg.norm(values, axis=1)))
    assert refusal(Signal(good.times_ms, values * (factor * 3_000 / median), 50.0)) is wanted


@pytest.mark.parametrize(("late_ms", "refused"), [(100, False), (140, True)])
def test_the_first_sample_may_be_120_ms_late(good: Signal, *, late_ms: float, refused: bool) -> None:
    assert (cut_out(without(good, 0, START_MS + late_ms)) is Refused.LATE) is refused


@pytest.mark.parametrize(("pause_ms", "bridged"), [(240, True), (260, False)])
def test_a_pause_of_a_quarter_of_a_second_is_bridged_and_a_longer_one_ends_an_example(
    good: Signal, *, pause_ms: float, bridged: bool
) -> None:
    last_before = START_MS + 2_000
    _, rows = rows_of(without(good, last_before + 1, last_before + pause_ms))
    assert (rows == 500) is bridged
    assert rows >= 100
