"""Functions that the engines' suite runs in children: each takes bytes and returns bytes."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from pathlib import Path

NOISE = 1_000_000


def hashed(task: bytes) -> bytes:
    """A pure function of its task."""
    return hashlib.sha256(task).digest()


def echoed(task: bytes) -> bytes:
    """As it came."""
    return task


def refused(task: bytes) -> bytes:
    """A task that cannot be done."""
    message = f"label: {task.decode()} is unknown"
    raise ValueError(message)


def own_pid(_: bytes) -> bytes:
    """Which process ran it."""
    return str(os.getpid()).encode()


def noisy(task: bytes) -> bytes:
    """Prints as libraries do, to where the answers would go."""
    print("x" * NOISE)
    os.write(1, b"y" * 1000)
    return task


def deadly_once(task: bytes) -> bytes:
    """Kills its process the first time; the task names a file that remembers."""
    mark = Path(task.decode())
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return b"alive"


def deadly(_: bytes) -> bytes:
    """Kills its process every time."""
    os.kill(os.getpid(), signal.SIGKILL)
    return b""


def held(task: bytes) -> bytes:
    """Writes its process's id to the file `<task>.pid`, waits for the file `<task>.go`, then answers."""
    place = Path(task.decode())
    place.with_suffix(".pid").write_text(str(os.getpid()))
    deadline = time.monotonic() + 60
    while not place.with_suffix(".go").exists():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.02)
    return b"held"


def variables(_: bytes) -> bytes:
    """What pins the threads."""
    return f"{os.environ['OMP_NUM_THREADS']} {os.environ['TF_NUM_INTRAOP_THREADS']}".encode()
