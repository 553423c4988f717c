"""`kinelog fit data` and `kinelog fit purge`: a data set on disk that follows consent, out of tables or recordings."""

from __future__ import annotations

import builtins
import json
import sys
from pathlib import Path
from unittest.mock import patch

import pytest
from click.testing import CliRunner, Result
from kinelog.domain.values import AgeGroup, Profile, Purpose, Sex
from kinelog.ml.dataset import dataset_of_tenant
from kinelog.ml.night_data import FOLDER, laid_down
from kinelog.ml.parquet import person_files, read_dataset
from kinelog.ml.purge import purge
from kinelog.ml.tenant_data import leave_only_consenting, offered_by_tenant, refresh
from kinelog.service.cli import main

from tests.ml.fit_floor import enrolled, trained
from tests.ml.made_recordings import movement_at, write_recording
from tests.projections.gym_floor import TENANT, GymFloor


def run(*words: object) -> Result:
    return CliRunner().invoke(main, ["fit", *map(str, words)])


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    folder = tmp_path / "recordings"
    for seed, name in enumerate(("one", "two")):
        rows = [{"subject": "ada", "exercise": "curl", "rate_hz": 50, "sex": "female"}]
        write_recording(folder, name, rows, [movement_at(50, 12, seed)])
    return folder


def test_recordings_become_a_data_set_on_disk(tmp_path: Path, recordings: Path) -> None:
    done = run("data", "--recordings", recordings, "--only", "two", "--out", tmp_path / "out", "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.output)
    assert (said["examples"], said["people"], said["labels"]) == (1, 1, {"curl": 1})
    assert [cluster["cluster"] for cluster in said["clusters"]] == ["f"]
    assert read_dataset(tmp_path / "out").sha256 == said["sha256"]
    assert "sha256" in run("data", "--recordings", recordings, "--out", tmp_path / "out").output
    assert len(read_dataset(tmp_path / "out").examples) == 2


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 64, "--tenant NAME, or --recordings"),
        (("--tenant", "demo", "--recordings", "."), 64, "--tenant NAME, or --recordings"),
        (("--recordings", ".", "--only", "nothing"), 65, "no recording|no NAME.json"),
    ],
)
def test_what_cannot_be_read_says_what_to_give(tmp_path: Path, words: tuple[str, ...], code: int, said: str) -> None:
    words = tuple(str(tmp_path) if word == "." else word for word in words)
    done = run("data", *words, "--out", tmp_path / "out")
    assert done.exit_code == code
    assert any(part in done.output for part in said.split("|"))


def test_without_the_extra_it_says_how_to_get_it(tmp_path: Path, recordings: Path) -> None:
    genuine = builtins.__import__

    def without_pyarrow(name: str, *rest: object) -> object:
        if name.partition(".")[0] == "pyarrow":
            raise ModuleNotFoundError("No module named 'pyarrow'", name="pyarrow")
        return genuine(name, *rest)  # type: ignore[arg-type]  # passed on as it came

    hidden = {name: None for name in sys.modules if name.startswith(("kinelog.ml.parquet", "kinelog.ml.example_files"))}
    with patch.dict(sys.modules):
        for name in hidden:
            del sys.modules[name]
        with patch.object(builtins, "__import__", without_pyarrow):
            done = run("data", "--recordings", recordings, "--out", tmp_path / "out")
    assert done.exit_code == 64
    assert "pip install 'kinelog[ml]'" in done.output
    assert "Traceback" not in done.output


def test_a_tenants_data_set_lies_by_cluster_and_is_what_memory_would_hold(floor: GymFloor, tmp_path: Path) -> None:
    for number in range(3):
        trained(floor, enrolled(floor, f"w{number}", Purpose.TRAINING_MODELS), number, sets=1)
    young = Profile(AgeGroup.TWENTIES, Sex.MALE)
    trained(floor, enrolled(floor, "m", Purpose.TRAINING_MODELS, profile=young), 9, sets=1)
    floor.project()
    told: list[tuple[int, int]] = []
    done = refresh(floor.read_side, TENANT, tmp_path / "out", progress=lambda *said: told.append(said))
    assert told[-1] == (4, 4)
    assert done.manifest.sha256 == dataset_of_tenant(floor.read_side, TENANT).sha256
    assert done.table.clusters == ("all",)  # four people make no cluster of their own
    assert [counts.people for counts in done.manifest.clusters] == [4]


def test_withdrawal_and_erasure_take_a_persons_file_and_arrays(floor: GymFloor, tmp_path: Path) -> None:
    people = [enrolled(floor, f"p{number}", Purpose.TRAINING_MODELS) for number in range(4)]
    for number, person in enumerate(people):
        trained(floor, person, number, sets=1)
    floor.project()
    out, arrays = tmp_path / "out", tmp_path / "arrays"
    refresh(floor.read_side, TENANT, out)
    assert len(person_files(out)) == 4
    for name, who in (("1" * 64, people[:2]), ("2" * 64, people[3:])):
        (arrays / name).mkdir(parents=True)
        keys = [f"{TENANT}/{person.pseudonym}/s/00001" for person in who]
        (arrays / name / "names.json").write_text(json.dumps({"keys": keys, "sites": ["any"]}))
        (arrays / name / "samples.npy").write_bytes(b"samples")
    (arrays / "half-written").mkdir()
    laid_down(offered_by_tenant(floor.read_side, TENANT), arrays)
    assert len(person_files(arrays)) == 4
    floor.consent(people[0], Purpose.TRAINING_MODELS, given=False)
    floor.erase(people[2])
    floor.project()
    purged = leave_only_consenting(floor.read_side, TENANT, out, arrays=arrays)
    assert (purged.files, purged.caches) == (2, 3)
    assert sorted(path.name for path in arrays.iterdir()) == ["2" * 64, FOLDER]
    assert {path.name for path in person_files(arrays)} == {path.name for path in person_files(out)}
    left = b"".join(path.read_bytes() for path in tmp_path.rglob("*.parquet"))
    for person, stays in zip(people, (False, True, False, True), strict=True):
        assert (person.pseudonym.encode() in left) == stays
    assert {example.person for example in read_dataset(out).examples} == {people[1].pseudonym, people[3].pseudonym}
    assert purge(out, {person.pseudonym for person in people}, arrays=arrays, tenant="other").caches == 0
