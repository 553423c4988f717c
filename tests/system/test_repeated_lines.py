"""A store that is away for long fills no log, and nothing is left out unsaid."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest
from kinelog.service.repeated_lines import RepeatedLines


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def written() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def log(clock: Clock, written: io.StringIO) -> Iterator[logging.Logger]:
    log, handler = logging.getLogger("tests.repeated"), logging.StreamHandler(written)
    handler.addFilter(RepeatedLines(lines=3, period_s=10.0, clock=clock))
    log.addHandler(handler)
    log.propagate = False
    yield log
    log.removeHandler(handler)


def test_of_a_thousand_lines_of_one_place_the_first_are_written_and_others_are_not_hidden(
    log: logging.Logger, written: io.StringIO
) -> None:
    for number in range(1000):
        log.warning("shard %d could not be acquired", number)
    log.warning("something else")
    log.error("shard %d could not be acquired", 7)  # worse: another kind
    assert written.getvalue().splitlines() == [
        *(f"shard {number} could not be acquired" for number in range(3)),
        "something else",
        "shard 7 could not be acquired",
    ]


def test_the_next_line_of_that_place_tells_how_many_were_left_out(
    log: logging.Logger, written: io.StringIO, clock: Clock
) -> None:
    for number in range(5):
        log.warning("100 %% of shard %d", number)
    clock.now_s += 10.0
    log.warning("100 %% of shard %d", 5)
    log.warning("100 %% of shard %d", 6)
    assert written.getvalue().splitlines()[3:] == [
        "100 % of shard 5 (2 lines like this one were left out)",
        "100 % of shard 6",
    ]
