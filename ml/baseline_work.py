"""What a worker does with a trivial model: fits it on the selection's windows, asks it about the confirmation's.

Trees and regressions take as long as networks do; as tasks they run beside each other, and are repeated by nobody.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from kinelog.ml import fit_data
from kinelog.ml.baselines import fit_baseline
from kinelog.ml.result_cache import ResultCache
from kinelog.ml.scope_windows import judged_windows
from kinelog.ml.tasks import BaselineResult, BaselineTask, TaskReport, baseline_key


def answer(task: BaselineTask) -> TaskReport:
    """Do the task; its result goes into the cache.

    Raises:
        FitDataError: The arrays are not where the task says.
    """
    cache = ResultCache(Path(task.place.results))
    key = baseline_key(task)
    if key in cache:
        return TaskReport(0, 0.0)
    data = fit_data.load(Path(task.place.data), task.common.data)
    asked = judged_windows(fit_data.load(Path(task.place.data), task.held))
    judged = judged_windows(data)
    worn = data.complete[judged.rows.example_of]
    labels = data.labels[judged.rows.example_of[worn]]
    count = len(data.names.labels)
    fitted = fit_baseline(task.name, judged.windows[worn], labels, count, seed=task.common.seed % 2**32)
    probabilities = fitted.probabilities(asked.windows)
    cache.write(key, msgspec.msgpack.encode(BaselineResult(count, probabilities.tobytes())))
    return TaskReport(0, 0.0)
