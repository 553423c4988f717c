"""What a worker fits together depends on its memory; what comes out does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from kinelog.ml import task_work
from kinelog.ml.code_version import code_version
from kinelog.ml.genome import Genome
from kinelog.ml.scope_windows import WINDOWS
from kinelog.ml.tasks import Common, Place, RefitTask, SelectTask, task_bytes

from tests.ml.laid_arrays import laid_arrays
from tests.ml.made_examples import Floor, made_dataset

pytestmark = pytest.mark.fit

GENOMES = tuple(Genome(dense=(8,), epochs=2, jitter_ms=250, noise_mg=10.0, seed=seed) for seed in (1, 2, 3))
SETS = 24


def test_genomes_that_do_not_fit_together_are_fitted_apart_and_come_out_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = made_dataset(Floor(people=3, sessions=2, exercises=2, sets=2, negatives=0, set_s=2.0))
    folds = [example.number % 2 for example in dataset.examples]
    data = laid_arrays(tmp_path / "arrays", dataset.examples, folds, ("left-wrist",), dataset.labels)
    common = Common(data.sha256, 1, code_version())
    found = {}
    for limit, sizes in ((1 << 17, [3]), (2 * SETS * WINDOWS, [2, 1])):
        monkeypatch.setattr(task_work, "WINDOWS_TOGETHER", limit)
        place = Place(str(tmp_path / "arrays"), str(tmp_path / f"results-{limit}"))
        task = SelectTask(common, place, GENOMES, (1,))
        assert [len(some) for some in task_work.Work(task).together(GENOMES)] == sizes
        for each in (task, RefitTask(common, place, GENOMES)):
            task_work.run(task_bytes(each))
        found[limit] = {path.name: path.read_bytes() for path in Path(place.results).glob("*/*")}
    together, apart = found.values()
    assert len(together) == 2 * len(GENOMES)
    assert apart == together
