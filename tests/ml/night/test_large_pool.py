"""A night with more sets than a pool takes: what is drawn, and where it is said what was not."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from kinelog.ml.clusters import EVERYBODY, ClusterTable
from kinelog.ml.confirmation import first_state
from kinelog.ml.examples import Dataset, dataset_of
from kinelog.ml.folds import fold_of, key_of, split
from kinelog.ml.night_data import laid_down, offered_of
from kinelog.ml.night_plan import Plan, plan_of
from kinelog.ml.record_text import text_of
from kinelog.ml.set_drawing import MOST_SETS
from kinelog.registry.sqlite_model_store import SqliteModelStore

from tests.ml.made_examples import Floor
from tests.ml.night.quick_night import KeptLog, made, quick_night

MOST = 30
MANY = Floor(people=10, sessions=2, exercises=3, sets=2, negatives=1, set_s=2.0)
BOTH = ("left-wrist", "waist")


def planned(dataset: Dataset, folder: Path, most_sets: int) -> Plan:
    state = first_state({key_of(one, "session") for one in dataset.examples})
    parts = split(dataset.examples, state, 3, "session")
    data = laid_down(offered_of(dataset), folder)
    return plan_of("gym", data, parts, ClusterTable(), state.name, folder, most_sets)


def test_a_pool_takes_so_many_sets_of_each_kind_before_anything_is_laid_down(tmp_path: Path) -> None:
    (all_of_them,) = planned(made(MANY), tmp_path / "all", 1000).pools
    (pool,) = planned(made(MANY), tmp_path / "some", MOST).pools
    assert all_of_them.held is not None
    assert pool.held is not None
    assert len(pool.data) == len(pool.whole) == MOST < len(all_of_them.data)
    assert len(pool.held.data) == min(MOST, len(all_of_them.held.data))
    assert set(pool.data.names.keys) < set(all_of_them.data.names.keys)
    assert set(Counter(pool.data.labels.tolist()).values()) == {MOST // 3}


def test_a_session_stays_in_its_fold_and_none_that_confirms_is_drawn_to_choose(tmp_path: Path) -> None:
    dataset = made(replace(MANY, sessions=3))
    (pool,) = planned(dataset, tmp_path / "some", MOST).pools
    keys = {one.key: key_of(one, "session") for one in dataset.examples}
    folds = [fold_of(keys[name], 3) for name in pool.data.names.keys]
    assert pool.data.folds.tolist() == folds
    assert pool.held is not None
    held = {keys[name] for name in pool.held.data.names.keys}
    assert held.isdisjoint(keys[name] for name in pool.data.names.keys)


def test_all_combinations_of_a_cluster_see_the_same_sets(tmp_path: Path) -> None:
    both, wrist = made(replace(MANY, sites=BOTH)), made(replace(MANY, seed=7))
    others = [replace(one, person=f"{one.person}-too") for one in wrist.examples]
    plan = planned(dataset_of([*both.examples, *others]), tmp_path / "some", MOST)
    pools = {pool.scope.sensors: set(pool.data.names.keys) for pool in plan.pools}
    assert set(pools) == {BOTH, BOTH[:1]}
    assert pools[BOTH] == pools[BOTH[:1]]
    complete = {pool.scope.sensors: int(pool.data.complete.sum()) for pool in plan.pools}
    assert complete == {BOTH: MOST // 2, BOTH[:1]: MOST}


def test_what_no_pool_takes_is_said_in_the_log_and_in_the_record(tmp_path: Path) -> None:
    log = KeptLog()
    store = SqliteModelStore(tmp_path / "models.sqlite")
    record = quick_night(store, tmp_path, made(MANY), log=log, candidates=3, most_sets=MOST)
    (cluster,) = record.clusters
    assert (cluster.name, record.most_sets) == (EVERYBODY, MOST)
    assert cluster.left_out == cluster.examples - MOST > 0
    said = dict(log.events)["sets-left-out"]
    assert (said["cluster"], said["sets"], said["most_sets"]) == (EVERYBODY, cluster.left_out, MOST)
    (warning,) = record.warnings
    assert f"{cluster.left_out} of {cluster.examples} sets were left out" in warning
    assert "--most-sets" in warning
    assert warning in text_of(record)
    (scope,) = record.scopes
    assert scope.examples == MOST
    assert scope.promotion.outcome == "first"


def test_where_a_pool_takes_all_nothing_is_said(tmp_path: Path) -> None:
    log = KeptLog()
    record = quick_night(SqliteModelStore(tmp_path / "models.sqlite"), tmp_path, log=log, candidates=3)
    assert "sets-left-out" not in dict(log.events)
    assert [one.left_out for one in record.clusters] == [0]
    assert record.warnings == ()


def test_a_night_that_was_killed_is_not_gone_on_with_under_another_bound(tmp_path: Path) -> None:
    def dies(event: str) -> None:
        if event == "select":
            raise KeyboardInterrupt

    store = SqliteModelStore(tmp_path / "models.sqlite")
    with pytest.raises(KeyboardInterrupt):
        quick_night(store, tmp_path, log=KeptLog(on_event=dies), candidates=3)
    for most_sets, resumed in ((MOST, False), (MOST_SETS, True)):
        log = KeptLog()
        quick_night(store, tmp_path, log=log, candidates=3, most_sets=most_sets)
        assert dict(log.events)["night"]["resumed"] is resumed
