"""`python -m tests.ml.night.night_process FOLDER`: a night with real networks on made people, in a process to kill."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from kinelog.ml.engines.process_engine import ProcessEngine
from kinelog.ml.night import Surroundings, run_night
from kinelog.ml.night_data import offered_of
from kinelog.ml.night_log import SilentLog
from kinelog.ml.run_book import NightSettings
from kinelog.ml.tasks import RUN
from kinelog.registry.sqlite_model_store import SqliteModelStore

from tests.ml.made_examples import Floor, made_dataset
from tests.ml.night.quick_night import KEY

FLOOR = Floor(people=4, sessions=3, exercises=2, sets=2, negatives=0, set_s=2.0)
CANDIDATES, FOLDS = 4, 2


def main(folder: Path) -> None:
    """Do it; print what became of it as JSON."""
    store = SqliteModelStore(folder / "models.sqlite")
    with ProcessEngine(RUN, processes=1) as engine:
        around = Surroundings(
            store, KEY, engine, folder / "work", SilentLog(), f"process {os.getpid()}", wait_s=30, lease_s=3
        )
        record = run_night(around, NightSettings("gym", CANDIDATES, FOLDS, 1), lambda: offered_of(made_dataset(FLOOR)))
    (scope,) = record.scopes
    said = {
        "run": record.run,
        "fits": record.cost.fits,
        "reused": record.cost.tasks_reused,
        "outcome": scope.promotion.outcome,
        "ten": [[one.genome_id, one.selection_score] for one in scope.leaderboard],
        "blobs": [publication.blob for publication in store.publications()],
        "peak": record.cost.peak_worker_bytes,
    }
    print(json.dumps(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
