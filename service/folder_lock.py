"""One writer a data folder: a lock that the system releases however the process ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from kinelog.service.errors import TryAgainError


class FolderLock:
    """An exclusive `flock` on `serve.lock`; its text says which process holds it, for people."""

    def __init__(self, path: Path) -> None:
        """Remember the file; nothing is locked yet."""
        self._path = path
        self._file: int | None = None

    def __enter__(self) -> Self:
        """Take the lock.

        Raises:
            TryAgainError: A service holds it.
        """
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(file, 64).decode(errors="replace").strip()
            os.close(file)
            message = (
                f"{self._path.parent} is in use by process {holder or '?'}: stop it, or ask it with --url and --token"
            )
            raise TryAgainError(message) from None
        os.truncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode())
        self._file = file
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release it."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
