"""A bounded share of the fuzz command, and proof that its checks see what they are for."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner
from kinelog.codecs import frames, fuzz
from kinelog.codecs.block_limit import most_blocks
from kinelog.codecs.fuzz_cases import case_of
from kinelog.codecs.values import Format, Frame


@pytest.mark.fuzz
def test_twenty_thousand_broken_frames_show_no_fault() -> None:
    tally = fuzz.run(iter(range(20_000)), seed=7)
    assert tally.outcomes.total() == 20_000
    # The cases reach both good frames and deep checks, else they prove little.
    for code in ("ok", "bad-count", "bad-sample", "truncated-payload", "trailing-bytes"):
        assert tally.outcomes[code] > 20


def test_work_grows_in_a_straight_line_with_length() -> None:
    fuzz.check_growth(fuzz.work_of, 2048, slack=1.5)


@pytest.mark.parametrize("size", [0, 5_000, 400_000])
def test_memory_stays_within_a_few_times_the_length(size: int) -> None:
    for name, data, named in fuzz.growing_bodies(size):
        assert fuzz.memory_share(data, named) <= 1, name


def test_a_count_of_sixteen_gibibytes_allocates_nothing() -> None:
    data = bytes.fromhex("61640132 0000000000000000 fcffffff 74616c00")
    assert fuzz.memory_share(data, Format.AD) < 0.1


def test_the_limit_of_blocks_is_the_documented_one() -> None:
    empty = bytes((0xAD, 0, 50, 5, 0))
    assert most_blocks(5 * 4096) == 4096 + 320
    assert len(frames.decode(empty * 4096, Format.GFS).blocks) == 4096


def test_a_case_is_named_by_its_seed_and_number() -> None:
    assert case_of(3, 14) == case_of(3, 14)
    assert case_of(3, 14) != case_of(3, 15)
    assert case_of(3, 14) != case_of(4, 14)


def test_an_escaping_exception_is_a_fault_with_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(data: bytes, named: Format | None) -> Frame:
        raise ValueError(f"{len(data)} bytes as {named}")

    monkeypatch.setattr(frames, "decode", careless)
    with pytest.raises(fuzz.BrokenPromiseError, match=case_of(1, 0)[0].hex()):
        fuzz.run(iter([0]), seed=1)


def test_calls_that_disagree_are_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    good = bytes((0xAD, 0, 50, 5, 0))
    other = frames.decode(good * 2, Format.GFS)
    monkeypatch.setattr(frames, "decode", lambda _data, _named: other)
    with pytest.raises(fuzz.BrokenPromiseError, match="different things"):
        fuzz.check_case(good, Format.GFS)
    with pytest.raises(fuzz.BrokenPromiseError, match="accepts what the other refuses"):
        fuzz.check_case(b"", Format.GFS)


def test_a_square_is_a_fault() -> None:
    with pytest.raises(fuzz.BrokenPromiseError, match="times the work"):
        fuzz.check_growth(lambda data, _named: float(len(data) ** 2), 2048, slack=1.5)


def test_the_command_reports_what_came_out(monkeypatch: pytest.MonkeyPatch) -> None:
    grown: list[object] = []
    monkeypatch.setattr(fuzz, "check_growth", lambda cost, _small, _slack: grown.append(cost))
    result = CliRunner().invoke(fuzz.main, ["--cases", "200", "--seed", "5"])
    assert result.exit_code == 0, result.output
    assert "ok" in result.output
    assert "time grows with length" in result.output
    assert grown == [fuzz.work_of, fuzz.seconds_of]


def test_the_command_exits_one_on_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def unlucky(_data: bytes, _named: Format | None) -> str:
        raise fuzz.BrokenPromiseError("found")

    monkeypatch.setattr(fuzz, "check_case", unlucky)
    result = CliRunner().invoke(fuzz.main, ["--cases", "1"])
    assert result.exit_code == 1
    assert "seed 1, case 0" in result.output


def test_the_command_leaves_the_arithmetic_of_the_process_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz, "check_growth", lambda _cost, _small, _slack: None)
    before = np.geterr()
    assert CliRunner().invoke(fuzz.main, ["--cases", "1"]).exit_code == 0
    assert np.geterr() == before
