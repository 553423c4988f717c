"""The nightly fit and its scores on a cluster: data from its tables, models in its registry."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from kinelog.domain.values import Purpose
from kinelog.ml import baselines, night_promotion
from kinelog.ml.dataset import dataset_of_tenant
from kinelog.phone.exercises import EXERCISES
from kinelog.service.cli import main
from kinelog.service.commands import fit_run
from kinelog.service.schemas import SCHEMAS

from tests.cassandra.deployment import address_of, deployment
from tests.cassandra.shared_node import SharedNode
from tests.ml.fit_floor import Watch, enrolled, trained
from tests.ml.made_recordings import movement_at, write_recording
from tests.ml.night.quick_work import QuickEngine
from tests.projections.cassandra_views import copied_floor, copied_views, views_connection
from tests.projections.copied_floor import CopiedFloor
from tests.projections.gym_floor import TENANT

pytestmark = pytest.mark.cassandra

__all__ = ["copied_floor", "copied_views", "views_connection"]


def test_the_tables_of_a_cluster_give_the_data_set_that_the_embedded_ones_give(copied_floor: CopiedFloor) -> None:
    for number, name in enumerate(("ada", "boris")):
        person = enrolled(copied_floor, name, Purpose.TRAINING_MODELS)
        trained(copied_floor, person, number, Watch(location="left-wrist"))
    copied_floor.project()
    there = dataset_of_tenant(copied_floor.read_side, TENANT)
    here = dataset_of_tenant(copied_floor.embedded, TENANT)
    assert sum(example.label is not None for example in there.examples) == 4
    assert there.sha256 == here.sha256
    assert there.dropped == here.dropped


@pytest.fixture
def store(cassandra_node: SharedNode, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A deployment without anybody; its nights fit in a moment."""
    for name in ("KINELOG_MODEL_KEY", "KINELOG_MODEL_KEY_FILE", "KINELOG_STORE", "KINELOG_DATA", "KINELOG_RECORDINGS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(night_promotion, "BASELINES", ("gravity",))
    monkeypatch.setattr(baselines, "TREES", 5)
    monkeypatch.setattr(fit_run, "_engine", lambda *_: QuickEngine())
    address = address_of(cassandra_node.address, f"t_fit_{os.urandom(4).hex()}")
    with deployment(address, SCHEMAS):
        yield str(address)


def fit(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["fit", *map(str, words)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def recorded(folder: Path) -> Path:
    """Six people who do two exercises twice in each of two sessions."""
    sets, samples = [], []
    for number in range(48):
        person, session, exercise = number % 6, number // 6 % 2, number // 12 % 2
        name = EXERCISES[exercise].name
        sets.append(
            {"rate_hz": 50, "subject": f"p{person}", "session": f"s{person}-{session}", "exercise": name, "site": "any"}
        )
        samples.append(movement_at(50, 9.0, seed=exercise + len(EXERCISES) * number))
    write_recording(folder, "made", sets, samples)
    return folder


def test_nights_publish_into_a_cluster_and_its_models_are_scored_from_there(store: str, tmp_path: Path) -> None:
    data, folder = tmp_path / "data", recorded(tmp_path / "recordings")
    where = ("--data", data, "--store", store)
    made = CliRunner().invoke(main, ["tenant", "create", "gym", *map(str, where)])
    assert made.exit_code == 0, made.output
    code, printed = fit("run", *where, "--tenant", "gym")
    assert (code, "`kinelog project`" in printed) == (69, True), printed
    recordings = ("--recordings", folder, "--tenant", "gym", "--candidates", 12, "--folds", 2)
    for night in (1, 2):
        code, printed = fit("run", *where, *recordings, "--json")
        assert code == 0, printed
        assert [json.loads(line).get("event") for line in printed.splitlines()].count("swept") == 1, night
    code, printed = fit("list", *where, "--json")
    assert [run["state"] for run in json.loads(printed)["runs"]] == ["done", "done"], printed
    code, printed = fit("score", "--models", store, "--data", folder, "--json")
    assert code == 0, printed
    score = json.loads(printed)
    assert (score["sets"], score["judged"]) == (48, 48)
