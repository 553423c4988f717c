"""A night that was killed anywhere goes on where it was, decides the same, publishes once, and does less."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from itertools import product
from pathlib import Path

import pytest
from kinelog.ml.engines.port import Finished
from kinelog.ml.lease_keeper import LeaseLostError
from kinelog.ml.population import population_of
from kinelog.ml.run_book import records_of
from kinelog.registry.errors import LeaseHeldError, StaleLeaseError
from kinelog.registry.scope import Scope
from kinelog.registry.sqlite_model_store import SqliteModelStore
from kinelog.registry.store import ModelStore
from typing_extensions import override

from tests.ml.night.mortal_store import KilledError, MortalStore
from tests.ml.night.quick_night import KeptLog, quick_night
from tests.ml.night.quick_work import QuickEngine

WRIST = Scope("gym", "all", ("left-wrist",))
SHARES = (0.0, 0.3, 0.6, 0.85, 0.95)
"""Of the night's writes, where it is killed: before the write, or after it. After the last one the night is over."""
NIGHTS = 2
"""The second one starts from a population, has a champion, and promotes or keeps."""


class Clock:
    """Time passes only when the test says so: leases of the dead run out at once."""

    def __init__(self) -> None:
        self.ms = 1_000_000

    def __call__(self) -> int:
        return self.ms


def outcome(store: ModelStore) -> tuple[object, ...]:
    """What must not depend on who was killed when; ids of nights carry their time."""
    champion = store.champion(WRIST)
    population = store.population(WRIST)
    assert population is not None
    read = population_of(population)
    newest = records_of(store)[0]
    challenger = store.challenger(WRIST)
    return (
        None if champion is None else (champion.version, champion.blob),
        None if challenger is None else challenger.blob,
        read.generation,
        [(member.genome, member.selection_score, member.blob) for member in read.members],
        [(scope.promotion.outcome, scope.promotion.uses, scope.settled) for scope in newest.scopes],
        newest.state,
    )


def undisturbed(folder: Path) -> tuple[tuple[object, ...], int, int]:
    """The outcome of some nights, how many writes they took, and how many tasks the last one did."""
    clock = Clock()
    store = MortalStore(folder / "models.sqlite", at=10**9, heard=True, now_ms=clock)
    engine = QuickEngine()
    writes = 0
    for night in range(NIGHTS):
        writes = store.writes
        engine = QuickEngine()
        quick_night(store, folder / "work", engine=engine, candidates=10 + 2 * night)
    return outcome(store), store.writes - writes, engine.tasks


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> tuple[tuple[object, ...], int, int]:
    with pytest.MonkeyPatch.context() as patch:
        from kinelog.ml import baselines, night_promotion

        patch.setattr(night_promotion, "BASELINES", ("gravity",))
        patch.setattr(baselines, "TREES", 5)
        return undisturbed(tmp_path_factory.mktemp("undisturbed"))


@pytest.mark.parametrize(("share", "heard"), [*product(SHARES, (True, False)), (1.0, True)])
def test_killed_at_a_write_the_night_ends_as_if_nothing_had_happened(
    tmp_path: Path, expected: tuple[tuple[object, ...], int, int], share: float, *, heard: bool
) -> None:
    as_if, writes, _ = expected
    clock = Clock()
    calm = SqliteModelStore(tmp_path / "models.sqlite", clock_ms=clock)
    for _ in range(NIGHTS - 1):
        quick_night(calm, tmp_path / "work", candidates=10)
    at = 1 + round(share * (writes - 1))
    with pytest.raises(KilledError):
        quick_night(
            MortalStore(tmp_path / "models.sqlite", at, heard=heard, now_ms=clock), tmp_path / "work", candidates=12
        )
    clock.ms += 3_600_000
    engine = QuickEngine()
    record = quick_night(calm, tmp_path / "work", engine=engine, candidates=12)
    assert outcome(calm) == as_if
    assert record.state == "done"
    assert len(records_of(calm)) == NIGHTS, "it went on, it did not begin again"


def test_killed_after_its_fits_a_night_repeats_none(
    tmp_path: Path, expected: tuple[tuple[object, ...], int, int]
) -> None:
    _, writes, _ = expected
    clock = Clock()
    calm = SqliteModelStore(tmp_path / "models.sqlite", clock_ms=clock)
    quick_night(calm, tmp_path / "work", candidates=10)
    with pytest.raises(KilledError):
        quick_night(
            MortalStore(tmp_path / "models.sqlite", writes, heard=True, now_ms=clock), tmp_path / "work", candidates=12
        )
    clock.ms += 3_600_000
    engine = QuickEngine()
    quick_night(calm, tmp_path / "work", engine=engine, candidates=12)
    assert engine.tasks == 0


def test_killed_among_its_fits_a_night_repeats_only_those_that_were_not_done(tmp_path: Path) -> None:
    class Dying(QuickEngine):
        @override
        def map(self, tasks: Sequence[bytes]) -> Generator[Finished]:
            for done, finished in enumerate(super().map(tasks)):
                if done == 3:
                    raise KilledError
                yield finished

    clock = Clock()
    store = MortalStore(tmp_path / "models.sqlite", at=10**9, heard=True, now_ms=clock)
    first = Dying()
    with pytest.raises(KilledError):
        quick_night(store, tmp_path / "work", engine=first)
    clock.ms += 3_600_000
    whole = QuickEngine()
    quick_night(SqliteModelStore(tmp_path / "whole.sqlite"), tmp_path / "elsewhere", engine=whole)
    rest = QuickEngine()
    quick_night(store, tmp_path / "work", engine=rest)
    assert rest.tasks == whole.tasks - first.tasks


def test_a_night_without_its_results_decides_the_same(
    tmp_path: Path, expected: tuple[tuple[object, ...], int, int]
) -> None:
    """A machine that is lost takes its folder along: only the store is left."""
    as_if, writes, _ = expected
    clock = Clock()
    calm = SqliteModelStore(tmp_path / "models.sqlite", clock_ms=clock)
    quick_night(calm, tmp_path / "one", candidates=10)
    with pytest.raises(KilledError):
        quick_night(
            MortalStore(tmp_path / "models.sqlite", writes - 2, heard=True, now_ms=clock),
            tmp_path / "one",
            candidates=12,
        )
    clock.ms += 3_600_000
    quick_night(calm, tmp_path / "another", candidates=12)
    assert outcome(calm) == as_if


def test_two_nights_at_once_do_not_both_work(tmp_path: Path) -> None:
    store = SqliteModelStore(tmp_path / "models.sqlite")
    refused: list[str] = []

    def second(phase: str) -> None:
        if phase == "publish":
            with pytest.raises(LeaseHeldError) as held:
                quick_night(store, tmp_path / "b")
            refused.append(held.value.holder)

    quick_night(store, tmp_path / "a", log=KeptLog(on_event=second))
    assert refused == ["test"]


def test_a_night_that_was_taken_over_publishes_nothing(tmp_path: Path) -> None:
    """Its clock stood still, say: it believes that it holds the lease, and the store knows better."""
    store = SqliteModelStore(tmp_path / "models.sqlite")

    def take_over(phase: str) -> None:
        if phase == "publish":
            store.acquire_lease("fit/gym", "another", 60, take_over=True)

    with pytest.raises((StaleLeaseError, LeaseLostError)):
        quick_night(store, tmp_path / "a", log=KeptLog(on_event=take_over))
    assert store.champion(WRIST) is None
    assert store.publications() == []
