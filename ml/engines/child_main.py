"""The child's end: `python -P -m kinelog.ml.engines.child_main MODULE:FUNCTION`, started by `TaskProcess`."""

from __future__ import annotations

import importlib
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import BinaryIO

from kinelog.ml.engines.task_process import ANSWER, read_frame, write_frame

REASON_LENGTH = 2000


def main() -> None:
    """Answer tasks until the input ends."""
    # Libraries print to standard output: it becomes standard error, and the answers go where it was.
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        function = loaded(sys.argv[1])
        try:
            serve(sys.stdin.buffer, answers, function)
        except BrokenPipeError:
            # The parent is gone, and with it who wanted the answer.
            os._exit(0)


def serve(tasks: BinaryIO, answers: BinaryIO, function: Callable[[bytes], bytes]) -> None:
    """Answer each task."""
    while (task := read_frame(tasks)) is not None:
        started = time.perf_counter()
        failed, answer = False, b""
        try:
            answer = function(task)
        except Exception as error:  # noqa: BLE001 - whatever a task raises is its answer; the parent raises it again
            failed, answer = True, f"{type(error).__name__}: {error}"[:REASON_LENGTH].encode()
        write_frame(answers, ANSWER.pack(failed, time.perf_counter() - started, _peak_bytes()) + answer)


def loaded(name: str) -> Callable[[bytes], bytes]:
    """The function that `module:name` names."""
    module, _, attribute = name.partition(":")
    function: Callable[[bytes], bytes] = getattr(importlib.import_module(module), attribute)
    return function


def _peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


if __name__ == "__main__":
    main()
