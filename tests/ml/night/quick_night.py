"""A whole night in about a second."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from kinelog.ml.engines.port import Engine
from kinelog.ml.examples import Dataset
from kinelog.ml.night import Surroundings, run_night
from kinelog.ml.night_data import offered_of
from kinelog.ml.night_log import Field, NightLog
from kinelog.ml.run_book import NightSettings
from kinelog.ml.run_record import NightRecord
from kinelog.ml.set_drawing import MOST_SETS
from kinelog.registry.signing import SigningKey
from kinelog.registry.store import ModelStore
from typing_extensions import override

from tests.ml.made_examples import Floor, made_dataset
from tests.ml.night.quick_work import QuickEngine

KEY = SigningKey(b"k" * 32)
FLOOR = Floor(people=6, sessions=2, exercises=3, sets=2, negatives=0, set_s=2.0)


@cache
def made(floor: Floor) -> Dataset:
    """Simulated people; the same floor is made once."""
    return made_dataset(floor)


@dataclass
class KeptLog(NightLog):
    """Remembers; `on_event` may interfere."""

    events: list[tuple[str, dict[str, Field]]] = field(default_factory=list)
    on_event: Callable[[str], None] = lambda _name: None

    @override
    def phase(self, name: str, steps: int) -> None:
        self.event("phase", phase=name, steps=steps)

    @override
    def step(self) -> None:
        """Not remembered."""

    @override
    def event(self, name: str, **fields: Field) -> None:
        self.events.append((name, fields))
        self.on_event(str(fields.get("phase", name)))


def quick_night(
    store: ModelStore,
    folder: Path,
    dataset: Dataset | None = None,
    *,
    log: NightLog | None = None,
    engine: Engine | None = None,
    candidates: int = 12,
    seed: int = 1,
    wait_s: float = 0.0,
    most_sets: int = MOST_SETS,
) -> NightRecord:
    """Run one."""
    around = Surroundings(store, KEY, engine or QuickEngine(), folder, log or KeptLog(), "test", wait_s)
    data = made(FLOOR) if dataset is None else dataset
    return run_night(around, NightSettings("gym", candidates, 3, seed, most_sets), lambda: offered_of(data))
