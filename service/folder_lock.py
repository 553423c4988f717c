"""Who may write a data folder: one process, or the processes of one group. The system releases it however they end."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from kinelog.service.errors import TryAgainError

JOIN_S = 1.0
"""How long a process of a group looks again: the first has the lock alone while it writes down whose it is."""

_LOOK_AGAIN_S = 0.02
_HOLDER_BYTES = 1_024


class FolderLock:
    """A `flock` on `serve.lock`; its text says who holds it, for people and for others of the same group.

    Alone it is exclusive. The members of a group share it: the journal's epochs keep them apart, shard by shard, while
    commands that want the folder for themselves, and members of any other group, stay outside.
    """

    def __init__(self, path: Path, group: str | None = None) -> None:
        """Remember the file; nothing is locked yet.

        Args:
            path: The file.
            group: What all members of the group, and nobody else, give here; None wants the folder alone.
        """
        self._path = path
        self._group = group
        self._file: int | None = None

    def __enter__(self) -> Self:
        """Take the lock.

        Raises:
            TryAgainError: Somebody holds it who does not share it with us.
        """
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            holder = self._taken(file)
        except BaseException:
            os.close(file)
            raise
        if holder is not None:
            os.close(file)
            message = f"{self._path.parent} is in use by {holder}: stop it, or ask it with --url and --token"
            raise TryAgainError(message)
        self._file = file
        return self

    def _taken(self, file: int) -> str | None:
        """Who has it instead; None if it is ours now."""
        if _locked(file, fcntl.LOCK_EX):
            os.truncate(file, 0)
            os.pwrite(file, f"{self._group or f'process {os.getpid()}'}\n".encode(), 0)
            if self._group is None:
                return None
        return None if self._group is not None and self._shared(file) else _holder(file)

    def _shared(self, file: int) -> bool:
        deadline = time.monotonic() + JOIN_S
        while not _locked(file, fcntl.LOCK_SH):
            if time.monotonic() > deadline:
                return False
            time.sleep(_LOOK_AGAIN_S)
        return _holder(file) == self._group

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release it."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _locked(file: int, how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(file: int) -> str:
    return os.pread(file, _HOLDER_BYTES, 0).decode(errors="replace").strip() or "another process"
