"""Which traces are kept, told from the id alone."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinelog.observability.sampling import LOWEST_RATIO, Sampling
from opentelemetry.sdk.trace.sampling import Decision, TraceIdRatioBased

IDS = st.binary(min_size=16, max_size=16)
RATIOS = st.floats(LOWEST_RATIO, 1)


@given(IDS, RATIOS)
def test_an_id_that_is_drawn_to_be_kept_is_kept_by_everybody(drawn: bytes, ratio: float) -> None:
    sampling, theirs = Sampling(ratio), TraceIdRatioBased(ratio)
    kept = sampling.kept(drawn)
    assert sampling.keeps(kept)
    assert theirs.should_sample(None, int.from_bytes(kept), "x").decision is Decision.RECORD_AND_SAMPLE
    assert kept[:8] == drawn[:8]


@given(IDS, RATIOS)
def test_we_keep_what_open_telemetry_keeps_and_nothing_else(drawn: bytes, ratio: float) -> None:
    theirs = TraceIdRatioBased(ratio).should_sample(None, int.from_bytes(drawn), "x").decision
    assert Sampling(ratio).keeps(drawn) == (theirs is Decision.RECORD_AND_SAMPLE)


@given(IDS, RATIOS)
def test_an_id_that_is_kept_by_chance_stays_as_it_is(drawn: bytes, ratio: float) -> None:
    sampling = Sampling(ratio)
    assert not sampling.keeps(drawn) or sampling.kept(drawn) == drawn


def test_ids_drawn_to_be_kept_stay_different() -> None:
    sampling, chance = Sampling(LOWEST_RATIO), random.Random(1)
    assert len({sampling.kept(chance.randbytes(16)) for _ in range(10_000)}) == 10_000


@pytest.mark.parametrize("ratio", [0, -0.1, 1.01, float("nan"), 1e-9])
def test_a_share_that_cannot_be_is_refused(ratio: float) -> None:
    with pytest.raises(ValueError, match="share"):
        Sampling(ratio)
