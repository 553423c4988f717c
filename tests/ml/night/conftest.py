"""Nights that are over in a moment: one cheap baseline. The real ones have tests of their own."""

from __future__ import annotations

import pytest
from kinelog.ml import baselines, night_promotion


@pytest.fixture(autouse=True)
def one_cheap_baseline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(night_promotion, "BASELINES", ("gravity",))
    monkeypatch.setattr(baselines, "TREES", 5)
