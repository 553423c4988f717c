"""A child process ends when its parent does, `kill -9` included.

The parent holds the other end of the child's standard input and never writes: when it closes, the parent is gone.
"""

from __future__ import annotations

import os
import signal
import threading

VARIABLE = "KINELOG_END_WITH_PARENT"
STANDARD_INPUT = 0


def end_with_parent() -> None:
    """If the environment says so, send this process SIGTERM when its standard input closes."""
    if os.environ.pop(VARIABLE, None) is not None:
        threading.Thread(target=_wait_for_the_end, name="parent-watch", daemon=True).start()


def _wait_for_the_end() -> None:
    # Not through sys.stdin: a thread that waits holding its buffer's lock would keep the interpreter from ending.
    while os.read(STANDARD_INPUT, 64):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
