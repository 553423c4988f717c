"""A bounded share of the fuzzing; `make fuzz-device` is the long run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.device.fuzzing import fuzz


@pytest.mark.fuzz
def test_no_damaged_blob_makes_the_evaluator_read_or_write_where_it_must_not(tmp_path: Path) -> None:
    said = re.fullmatch(r"20000 cases, (\d+) of them models", fuzz(tmp_path, 20_000, seed=7))
    assert said is not None
    assert 500 < int(said[1]) < 19_500  # damage that is always refused, or never, would reach little
