"""What a night does, with quick tasks in place of networks."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from kinelog.device.blob import unpack_blob
from kinelog.ml.confirmation import first_state
from kinelog.ml.engines.port import Finished, TaskFailedError
from kinelog.ml.examples import dataset_of
from kinelog.ml.folds import key_of, split
from kinelog.ml.genome import genome_id
from kinelog.ml.night import NoDataError
from kinelog.ml.population import population_of
from kinelog.ml.run_book import records_of
from kinelog.ml.run_record import record_of
from kinelog.registry.auditing import audit
from kinelog.registry.checking import check_model
from kinelog.registry.manifest import read_manifest
from kinelog.registry.scope import Scope
from kinelog.registry.signing import verify
from kinelog.registry.sqlite_model_store import SqliteModelStore
from typing_extensions import override

from tests.ml.made_examples import Floor
from tests.ml.night.quick_night import FLOOR, KeptLog, made, quick_night
from tests.ml.night.quick_work import QuickEngine
from tests.registry.model_store_contract import EVER

WRIST = Scope("gym", "all", ("left-wrist",))


@pytest.fixture
def store(tmp_path: Path) -> SqliteModelStore:
    return SqliteModelStore(tmp_path / "models.sqlite")


def test_a_first_night_publishes_a_model_that_a_phone_would_believe(store: SqliteModelStore, tmp_path: Path) -> None:
    record = quick_night(store, tmp_path)
    champion = store.champion(WRIST)
    assert champion is not None
    assert verify(store.keys(), champion.manifest, champion.signature)
    manifest = read_manifest(champion.manifest)
    check_model(manifest, store.blob(champion.blob))
    assert manifest.dataset == f"sha256:{made(FLOOR).sha256}"
    assert record.state == "done"
    (scope,) = record.scopes
    assert scope.promotion.outcome == "first"
    assert scope.published is not None
    assert scope.published.version == 1
    assert manifest.metrics["accuracy"] == scope.confirmation[0].metrics.accuracy.value


def test_what_is_published_is_fitted_on_all_sessions_and_names_the_model_that_was_measured(
    store: SqliteModelStore, tmp_path: Path
) -> None:
    record = quick_night(store, tmp_path)
    champion = store.champion(WRIST)
    data = store.population(WRIST)
    assert champion is not None
    assert data is not None
    population = population_of(data)
    measured = str(read_manifest(champion.manifest).metrics["measured_model"])
    assert measured == population.members[0].blob
    assert measured != champion.blob
    published = record.scopes[0].published
    assert published is not None
    assert published.measured_sha256 == measured
    before, after = unpack_blob(store.blob(measured)), unpack_blob(store.blob(champion.blob))
    assert (before.temperature, before.abstain_below) == (after.temperature, after.abstain_below)
    assert store.unnamed_blobs(EVER) == [], "the measured model stays as long as somebody may be compared with it"


def test_a_challenger_meets_the_champion_s_twin_that_no_confirmation_session_trained(
    store: SqliteModelStore, tmp_path: Path
) -> None:
    quick_night(store, tmp_path)
    again = quick_night(store, tmp_path, candidates=14)
    metrics = {one.name: one.metrics for one in again.scopes[0].confirmation}
    champion = store.champion(WRIST)
    assert champion is not None
    if "champion" in metrics:
        assert metrics["champion"].accuracy.value == read_manifest(champion.manifest).metrics["accuracy"]
    else:
        assert "bit for bit" in again.scopes[0].promotion.reason


def test_the_record_is_kept_and_names_nobody(store: SqliteModelStore, tmp_path: Path) -> None:
    record = quick_night(store, tmp_path)
    kept = store.run(record.run)
    assert kept is not None
    assert record_of(kept) == record
    assert b"person-" not in kept
    population = store.population(WRIST)
    assert population is not None
    assert b"person-" not in population


def test_the_ten_are_kept_with_all_that_rebuilds_them(store: SqliteModelStore, tmp_path: Path) -> None:
    record = quick_night(store, tmp_path)
    data = store.population(WRIST)
    assert data is not None
    population = population_of(data)
    assert len(population.members) == 10
    assert population.candidates == 12
    assert population.dataset == made(FLOOR).sha256
    scores = [member.selection_score for member in population.members]
    assert scores == sorted(scores, reverse=True)
    for member in population.members:
        blob = unpack_blob(store.blob(member.blob))
        assert blob.abstain_below == pytest.approx(member.abstain_below)
        assert blob.temperature == pytest.approx(member.temperature, rel=1e-6)
    assert [one.genome_id for one in record.scopes[0].leaderboard] == [
        genome_id(member.genome) for member in population.members
    ]
    assert population.best_muvr is not None


def test_no_choice_sees_a_confirmation_session(store: SqliteModelStore, tmp_path: Path) -> None:
    """Their samples are others: ranking, weights, temperature and threshold stay the same, to the last bit."""
    dataset = made(FLOOR)
    record = quick_night(store, tmp_path / "a", dataset)
    keys = {key_of(one, "session") for one in dataset.examples}
    held = set(split(dataset.examples, first_state(keys), 3, "session").confirmation.tolist())
    assert held
    blank = dataset_of(
        replace(one, samples=one.samples[::-1].copy()) if place in held else one
        for place, one in enumerate(dataset.examples)
    )
    other = SqliteModelStore(tmp_path / "other.sqlite")
    again = quick_night(other, tmp_path / "b", blank)
    assert again.scopes[0].leaderboard[0].selection_score == record.scopes[0].leaderboard[0].selection_score
    assert [one.genome_id for one in again.scopes[0].leaderboard] == [
        one.genome_id for one in record.scopes[0].leaderboard
    ]
    kept, kept_again = (population_of(one.population(WRIST) or b"") for one in (store, other))
    assert [member.blob for member in kept_again.members] == [member.blob for member in kept.members]


def test_a_second_night_on_the_same_data_fits_only_what_is_new_and_sweeps_what_nobody_needs(tmp_path: Path) -> None:
    # Its clock stands long ago: what was put and is not named any more is old enough to go.
    store = SqliteModelStore(tmp_path / "models.sqlite", clock_ms=lambda: 1)
    first = quick_night(store, tmp_path)
    before = set(store.blobs())
    second = quick_night(store, tmp_path, candidates=18)
    assert second.run != first.run
    assert second.previous_run == first.run
    # The ten, and the one of the old app's format if it is another, are judged and refitted already.
    assert second.cost.tasks_reused >= 10
    assert second.cost.fits < first.cost.fits
    data = store.population(WRIST)
    assert data is not None
    population = population_of(data)
    assert population.generation == 2
    assert store.unnamed_blobs(EVER) == []
    assert before - set(store.blobs()), "somebody of the first ten is not among the second"
    assert {member.blob for member in population.members} <= set(store.blobs())
    assert [one.fault for one in audit(store, [WRIST])] == [None] * len(store.versions(WRIST))
    best = [one.scopes[0].leaderboard[0].selection_score for one in (first, second)]
    assert best[1] >= best[0]


def test_a_winner_that_is_the_champion_itself_uses_no_confirmation(store: SqliteModelStore, tmp_path: Path) -> None:
    quick_night(store, tmp_path, candidates=10)
    again = quick_night(store, tmp_path, candidates=10)
    assert again.scopes[0].promotion.outcome == "kept"
    assert again.scopes[0].promotion.uses == 0
    assert "bit for bit" in again.scopes[0].promotion.reason
    champion = store.champion(WRIST)
    assert champion is not None
    assert champion.version == 1


def test_the_same_data_and_seed_give_the_same_bits_on_another_machine(tmp_path: Path) -> None:
    blobs = []
    for name in "ab":
        store = SqliteModelStore(tmp_path / f"{name}.sqlite")
        quick_night(store, tmp_path / name)
        champion = store.champion(WRIST)
        assert champion is not None
        blobs.append(champion.blob)
    assert blobs[0] == blobs[1]


def test_nothing_of_anybody_s_samples_is_left_in_the_work_folder(store: SqliteModelStore, tmp_path: Path) -> None:
    quick_night(store, tmp_path / "work")
    assert list((tmp_path / "work" / "arrays").glob("*")) == []


def test_clusters_with_too_little_data_get_the_model_of_their_parent(store: SqliteModelStore, tmp_path: Path) -> None:
    dataset = made(Floor(people=66, sessions=1, exercises=2, sets=1, negatives=0, set_s=2.0))
    record = quick_night(store, tmp_path, dataset)
    by_cluster = {scope.cluster: scope for scope in record.scopes}
    assert {"all", "f"} <= set(by_cluster)
    follower = by_cluster["f"]
    assert follower.backed_off
    champion = store.champion(Scope("gym", "f", ("left-wrist",)))
    assert champion is not None
    assert read_manifest(champion.manifest).fitted_on == "all"
    above = store.champion(WRIST)
    assert above is not None
    assert champion.blob == above.blob


def test_each_combination_that_is_worn_gets_a_model_of_its_own_sensors(store: SqliteModelStore, tmp_path: Path) -> None:
    both = made(replace(FLOOR, sites=("left-wrist", "waist"), sets=3))
    one = made(replace(FLOOR, seed=7, sets=3))
    dataset = dataset_of([*both.examples, *(replace(each, person=f"{each.person}-too") for each in one.examples)])
    record = quick_night(store, tmp_path, dataset)
    sensors = {scope.sensors for scope in record.scopes}
    assert sensors == {("left-wrist", "waist"), ("left-wrist",)}
    for scope in record.scopes:
        assert scope.published is not None
        assert unpack_blob(store.blob(scope.published.blob_sha256)).sites == len(scope.sensors)
    (waist,) = (each for each in record.sensors if each.sensors == ("waist",))
    assert waist.left_out is not None
    assert "nobody wears exactly these" in waist.left_out


@pytest.mark.parametrize("floor", [Floor(people=1, sessions=1, exercises=1), Floor(people=2, sessions=1, sets=1)])
def test_too_little_data_is_said_and_nothing_is_published(
    store: SqliteModelStore, tmp_path: Path, floor: Floor
) -> None:
    with pytest.raises(NoDataError, match="fewer than"):
        quick_night(store, tmp_path, made(floor))
    assert store.scopes() == []
    (record,) = records_of(store)
    assert record.state == "failed"
    assert record.failure


def test_a_task_that_fails_fails_the_night_in_words(store: SqliteModelStore, tmp_path: Path) -> None:
    class Failing(QuickEngine):
        @override
        def map(self, tasks: Sequence[bytes]) -> Generator[Finished]:
            yield from super().map(tasks[:1])
            raise TaskFailedError(1, "FitDataError: gone")

    with pytest.raises(TaskFailedError):
        quick_night(store, tmp_path, engine=Failing())
    (record,) = records_of(store)
    assert (record.state, record.failure) == ("failed", "task 1: FitDataError: gone")


def test_the_log_tells_of_phases_in_order_and_of_the_decision(store: SqliteModelStore, tmp_path: Path) -> None:
    log = KeptLog()
    quick_night(store, tmp_path, log=log)
    phases = [fields["phase"] for name, fields in log.events if name == "phase"]
    assert phases == ["data", "select", "refit", "baselines", "confirm", "refit-whole", "publish"]
    assert [name for name, _ in log.events if name != "phase"] == ["night", "decided", "swept"]
