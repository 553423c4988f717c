"""A child process that runs tasks one after another, and is replaced before what Keras leaks adds up.

Frames on its standard input and output: a length, then as many bytes. The child's end of the conversation is
`child_main.py`. When the parent dies, the child reads the end of its input and goes: after the task that it is at,
whose result is then in the cache for the next run.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import tempfile
from typing import IO, Final

LENGTH: Final = struct.Struct("<Q")
ANSWER: Final = struct.Struct("<?dQ")
"""Whether the task failed, seconds, peak of resident memory; the answer (or the reason) follows."""

LONGEST_FRAME: Final = 1 << 30
LAST_WORDS: Final = 400

PINNED: Final = {
    # One thread a process: there are as many processes as cores, and sums in one order are the same bits everywhere.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "-1",
    "KERAS_BACKEND": "tensorflow",
    "PYTHONHASHSEED": "0",
}


class ProcessDiedError(Exception):
    """The child ended instead of answering; the message is the end of what it wrote to its standard error."""


class FailedInChildError(Exception):
    """The task raised an error; the message is the error's."""


class TaskProcess:
    """One child. Not for several threads at once."""

    def __init__(self, function: str, *, tasks: int = 40, most_bytes: int = 2_000_000_000) -> None:
        """Start it.

        Args:
            function: `module:name` of what takes a task's bytes and returns the answer's.
            tasks: After so many it is spent.
            most_bytes: Spent too when more memory than this was resident.
        """
        self._left = tasks
        self._most_bytes = most_bytes
        self._peak = 0
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `kill`
        path = os.pathsep.join(entry for entry in sys.path if entry)
        # -P: the folder that we happen to stand in is no place to import from (`codecs` would be ours there).
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-P", "-m", "kinelog.ml.engines.child_main", function],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, **PINNED, "PYTHONPATH": path},
            # Ctrl-C is for the parent, which then ends its children.
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """Of the child."""
        return self._process.pid

    @property
    def spent(self) -> bool:
        """Whether a fresh child should take the next task."""
        return self._left <= 0 or self._peak > self._most_bytes or self._process.poll() is not None

    def run(self, task: bytes) -> tuple[bytes, float, int]:
        """Run a task: its answer, its seconds, the most bytes that were resident.

        Raises:
            FailedInChildError: The task raised an error.
            ProcessDiedError: The child is gone; nothing is known of the task.
        """
        self._left -= 1
        answer = self._ask(task)
        failed, seconds, self._peak = ANSWER.unpack_from(answer)
        if failed:
            raise FailedInChildError(answer[ANSWER.size :].decode())
        return answer[ANSWER.size :], seconds, self._peak

    def _ask(self, task: bytes) -> bytes:
        output, answers = self._process.stdin, self._process.stdout
        if output is None or answers is None:  # only without pipes, which are asked for above
            raise ProcessDiedError("no pipes")
        try:
            write_frame(output, task)
            answer = read_frame(answers)
        except OSError as error:
            raise ProcessDiedError(self._last_words() or str(error)) from error
        if answer is None:
            raise ProcessDiedError(self._last_words())
        return answer

    def _last_words(self) -> str:
        self._process.wait()
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - LAST_WORDS))
        said = self._errors.read().decode(errors="replace").strip()
        return f"{said} (code {self._process.returncode})".strip()

    def interrupt(self) -> None:
        """End it from another thread than the one that waits for its answer, which then sees it dead."""
        self._process.kill()

    def kill(self) -> None:
        """End it at once, whatever it is at."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    # What was still to be written to a child that is gone.
                    continue


def write_frame(output: IO[bytes], frame: bytes) -> None:
    """Write a length and as many bytes."""
    output.write(LENGTH.pack(len(frame)))
    output.write(frame)
    output.flush()


def read_frame(source: IO[bytes]) -> bytes | None:
    """Read a frame; None at the end, also in the middle of a frame.

    Raises:
        OSError: The length cannot be one of ours.
    """
    head = source.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    if length > LONGEST_FRAME:
        message = f"a frame of {length} bytes: something else writes to this pipe"
        raise OSError(message)
    frame = source.read(length)
    return frame if len(frame) == length else None
