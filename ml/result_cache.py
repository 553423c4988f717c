"""Results of tasks by the hash of what they were computed from: what a night that was killed need not do again.

A file is written beside its place and renamed: it is there wholly or not at all, whoever else writes the same. It
starts with a hash of its key and of what follows, which is computed again whenever somebody asks for it: a file that
was damaged, or that belongs elsewhere, is removed and counts as missing. Nothing in here is needed to serve anybody:
the whole folder may be deleted at any time.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

DIGEST: Final = 32
KEPT_S: Final = 30 * 86_400
"""Results that nobody read for so long are removed at the end of a night."""


def _nobody(_key: str) -> None:
    """Told of what was damaged, and says it to nobody."""


class ResultCache:
    """A folder of results; any number of processes may read and write it."""

    def __init__(self, folder: Path, damaged: Callable[[str], None] = _nobody) -> None:
        """Use a folder, which is made when something is written.

        Args:
            folder: Of the results.
            damaged: Told the key of each result that had to be removed.
        """
        self.folder = folder
        self._damaged = damaged

    def read(self, key: str) -> bytes | None:
        """The result, or None if there is none that is whole."""
        path = self._path(key)
        try:
            held = path.read_bytes()
            if held[:DIGEST] == _digest(key, held[DIGEST:]):
                os.utime(path)
                return held[DIGEST:]
        except FileNotFoundError:
            return None
        except NotADirectoryError:
            path = path.parent
        except OSError as error:
            # A folder in the file's place, or a disk that cannot read it: neither is a result, and it may be made anew.
            if error.errno not in {errno.EISDIR, errno.EIO}:
                raise
        _remove(path)
        self._damaged(key)
        return None

    def write(self, key: str, result: bytes) -> None:
        """Keep a result; that of the same key written meanwhile by somebody else is replaced by the same bytes."""
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
            file.write(_digest(key, result))
            file.write(result)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(path)

    def __contains__(self, key: str) -> bool:
        """Whether there is a result that is whole: it is read for that."""
        return self.read(key) is not None

    def remove_old(self, kept_s: float = KEPT_S) -> int:
        """Remove what nobody read for long, and what was left half written; how many files."""
        before = time.time() - kept_s
        old = [path for path in self.folder.glob("*/*") if path.stat().st_mtime < before]
        for path in old:
            _remove(path)
        return len(old)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / key


def _digest(key: str, result: bytes) -> bytes:
    return hashlib.sha256(key.encode() + b"\0" + result).digest()


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except IsADirectoryError:
        shutil.rmtree(path)
