"""Networks come out the same, bit for bit, on each engine and in whatever company."""

from __future__ import annotations

from pathlib import Path

import pytest
from distributed import LocalCluster
from kinelog.ml.code_version import code_version
from kinelog.ml.engines.dask_engine import DaskEngine
from kinelog.ml.engines.port import Engine
from kinelog.ml.engines.process_engine import ProcessEngine
from kinelog.ml.fit_data import FitData
from kinelog.ml.genome import Genome
from kinelog.ml.tasks import RUN, Common, Place, SelectTask, task_bytes

from tests.ml.laid_arrays import laid_arrays
from tests.ml.made_examples import Floor, made_dataset

pytestmark = pytest.mark.fit

GENOMES = tuple(Genome(dense=(8,), epochs=3, dropout=0.2, jitter_ms=250, seed=seed) for seed in (1, 2, 3))


def made_data(folder: Path) -> FitData:
    dataset = made_dataset(Floor(people=3, sessions=2, exercises=2, sets=2, negatives=0, set_s=2.0))
    folds = [example.number % 2 for example in dataset.examples]
    return laid_arrays(folder, dataset.examples, folds, ("left-wrist",), dataset.labels)


def results(engine: Engine, folder: Path, groups: list[tuple[Genome, ...]]) -> dict[str, bytes]:
    """What a task leaves in the cache, by name."""
    data = made_data(folder / "arrays")
    place = Place(str(folder / "arrays"), str(folder / "results"))
    common = Common(data.sha256, 1, code_version())
    tasks = [task_bytes(SelectTask(common, place, group, (1,))) for group in groups]
    assert len(list(engine.map(tasks))) == len(groups)
    return {path.name: path.read_bytes() for path in (folder / "results").glob("*/*")}


def test_both_engines_and_any_grouping_give_the_same_bytes(cluster: LocalCluster, tmp_path: Path) -> None:
    with ProcessEngine(RUN, processes=1) as engine:
        together = results(engine, tmp_path / "together", [GENOMES])
        alone = results(engine, tmp_path / "alone", [(genome,) for genome in GENOMES])
    with DaskEngine(RUN, cluster.scheduler_address) as engine:
        on_dask = results(engine, tmp_path / "dask", [GENOMES[:2], GENOMES[2:]])
    assert len(together) == len(GENOMES)
    assert together == alone
    assert together == on_dask


def test_a_task_that_was_done_is_not_done_again(tmp_path: Path) -> None:
    with ProcessEngine(RUN, processes=1) as engine:
        results(engine, tmp_path, [GENOMES[:1]])
        (file,) = (tmp_path / "results").glob("*/*")
        written = file.stat().st_ino  # whoever writes a result renames a new file into its place
        results(engine, tmp_path, [GENOMES[:1]])
    assert file.stat().st_ino == written
