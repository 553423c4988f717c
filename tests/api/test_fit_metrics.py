"""When the last night was is said by who serves, without asking the store at every scrape."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kinelog.api.fit_metrics import ASKED_AGAIN_MS, FitCollector
from kinelog.registry.errors import RegistryUnavailableError
from kinelog.registry.records import RunEntry
from kinelog.registry.sqlite_model_store import SqliteModelStore
from kinelog.registry.store import PAGE
from prometheus_client import CollectorRegistry
from typing_extensions import override

NAME = "kinelog_fit_last_run_timestamp_seconds"


class AskedStore(SqliteModelStore):
    """Counts how often it is asked, and can be away."""

    asked = 0
    away = False

    @override
    def runs(self, limit: int = PAGE) -> list[RunEntry]:
        self.asked += 1
        if self.away:
            raise RegistryUnavailableError("away")
        return super().runs(limit)


class World:
    """A store, a clock, and what is shown of them."""

    def __init__(self, folder: Path) -> None:
        self.now_ms = 1_000_000
        self.store = AskedStore(folder / "models.sqlite", clock_ms=lambda: self.now_ms)
        self.registry = CollectorRegistry()
        self.registry.register(FitCollector(lambda: self.store.runs(limit=1), lambda: self.now_ms))

    def shown(self) -> float | None:
        return self.registry.get_sample_value(NAME)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    with made.store:
        yield made


def test_without_a_night_there_is_no_figure(world: World) -> None:
    assert world.shown() is None


def test_the_newest_night_is_shown_once_the_store_is_asked_again(world: World) -> None:
    world.store.save_run("a", b"{}")
    assert world.shown() == 1000
    world.now_ms += ASKED_AGAIN_MS - 1
    world.store.save_run("b", b"{}")
    assert world.shown() == 1000
    assert world.store.asked == 1
    world.now_ms += 1
    assert world.shown() == (world.now_ms - 1) / 1000


def test_while_the_store_is_away_the_last_known_night_stays(world: World) -> None:
    world.store.save_run("a", b"{}")
    assert world.shown() == 1000
    world.store.away = True
    world.now_ms += ASKED_AGAIN_MS
    assert world.shown() == 1000
