"""Results of tasks by the hash of what they were computed from: what a night that was killed need not do again.

A file is written beside its place and renamed: it is there wholly or not at all, whoever else writes the same. It
starts with the hash of what follows, which is computed again at every read; a file that disagrees is removed and counts
as missing. Nothing in here is needed to serve anybody: the whole folder may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from pathlib import Path
from typing import Final

DIGEST: Final = 32
KEPT_S: Final = 30 * 86_400
"""Results that nobody read for so long are removed at the end of a night."""


class ResultCache:
    """A folder of results; any number of processes may read and write it."""

    def __init__(self, folder: Path) -> None:
        """Use a folder, which is made when something is written."""
        self.folder = folder

    def read(self, key: str) -> bytes | None:
        """The result, or None if there is none that is whole."""
        path = self._path(key)
        try:
            held = path.read_bytes()
        except FileNotFoundError:
            return None
        if hashlib.sha256(held[DIGEST:]).digest() != held[:DIGEST]:
            path.unlink(missing_ok=True)
            return None
        os.utime(path)
        return held[DIGEST:]

    def write(self, key: str, result: bytes) -> None:
        """Keep a result; that of the same key written meanwhile by somebody else is replaced by the same bytes."""
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
            file.write(hashlib.sha256(result).digest())
            file.write(result)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(path)

    def __contains__(self, key: str) -> bool:
        """Whether there is a result; whether it is whole is known when it is read."""
        return self._path(key).exists()

    def remove_old(self, kept_s: float = KEPT_S) -> int:
        """Remove what nobody read for long, and what was left half written; how many files."""
        before = time.time() - kept_s
        old = [path for path in self.folder.glob("*/*") if path.stat().st_mtime < before]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / key
