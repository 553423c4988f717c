"""The header by which a caller says whose trace a request belongs to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinelog.observability.traceparent import Caller, parsed, written

IDS = st.binary(min_size=16, max_size=16).filter(any)
SPANS = st.binary(min_size=8, max_size=8).filter(any)


@given(IDS, SPANS)
def test_what_is_written_is_read(trace_id: bytes, span_id: bytes) -> None:
    assert parsed(written(trace_id, span_id)) == Caller(trace_id, span_id, kept=True)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "00-" + "0" * 32 + "-" + "1" * 16 + "-01",
        "00-" + "1" * 32 + "-" + "0" * 16 + "-01",
        "ff-" + "1" * 32 + "-" + "1" * 16 + "-01",
        "00-" + "1" * 32 + "-" + "1" * 16 + "-01-more",
        "00-" + "A" * 32 + "-" + "1" * 16 + "-01",
        "00-" + "1" * 31 + "-" + "1" * 16 + "-01",
        "Bearer kl.alpine.t0.secret",
    ],
)
def test_what_the_standard_does_not_know_is_no_trace(header: str | None) -> None:
    assert parsed(header) is None


def test_a_later_version_may_say_more_and_a_trace_may_not_be_kept() -> None:
    later = parsed("01-" + "1" * 32 + "-" + "2" * 16 + "-00-more")
    assert later == Caller(bytes.fromhex("1" * 32), bytes.fromhex("2" * 16), kept=False)


@given(st.text())
def test_any_text_is_a_trace_or_none_and_never_an_error(header: str) -> None:
    assert parsed(header) is None or len(header) >= 55
