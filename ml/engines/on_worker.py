"""What runs inside a Dask worker: hands tasks to children of that worker.

A worker has threads that use Python's global random numbers, and stays for weeks: neither suits Keras, which wants a
process of its own that is replaced now and then.
"""

from __future__ import annotations

import atexit
import threading

from kinelog.ml.engines.child_pool import ChildPool
from kinelog.ml.engines.port import TaskFailedError
from kinelog.ml.engines.task_process import ANSWER

_pools: dict[str, ChildPool] = {}
_lock = threading.Lock()


def run_in_child(function: str, task: bytes) -> bytes:
    """Run a task in a child of this worker.

    Args:
        function: `module:name` of what takes a task's bytes and returns the answer's.
        task: Its bytes.

    Returns:
        Whether the task failed, seconds and memory (`ANSWER`), then the answer or the reason. A failed task is an
        answer: Dask would run one that raises again, on every worker.

    Raises:
        TaskLostError: Several children died of it.
    """
    with _lock:
        if function not in _pools:
            _pools[function] = ChildPool(function)
            atexit.register(_pools[function].close)
    try:
        done = _pools[function].run(0, task)
    except TaskFailedError as error:
        return ANSWER.pack(True, 0.0, 0) + error.reason.encode()  # noqa: FBT003 - a packed field
    return ANSWER.pack(False, done.seconds, done.peak_bytes) + done.answer  # noqa: FBT003 - a packed field
