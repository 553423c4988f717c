"""Looks for bytes in files, as a program of its own: `python file_search.py FILE…`, what to find as hex lines on stdin.

SQLite guards a database with POSIX locks, and those have a trap: closing *any* descriptor of a file drops all locks
that the process has on it. A process that read the bytes of a database which it has open would leave it unguarded; the
next program that opens and closes it (a backup) takes itself for the last one and removes the write-ahead log in use.
So a process of its own reads. It needs the standard library only.
"""

from __future__ import annotations

import mmap
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

FOUND = 10
NOT_FOUND = 11


def any_in_files(files: Iterable[Path], wanted: Sequence[bytes]) -> bool:
    """Whether one of the byte strings stands in one of the files; files that are not there hold nothing.

    Raises:
        OSError: The search could not be done.
    """
    # What is looked for is secret: it must not stand on a command line.
    searched = subprocess.run(  # noqa: S603 - this very file, on paths of our own
        [sys.executable, "-I", "-S", __file__, *map(str, files)],
        input="\n".join(each.hex() for each in wanted),
        capture_output=True,
        text=True,
        check=False,
    )
    if searched.returncode not in (FOUND, NOT_FOUND):
        raise OSError(f"the search for erased bytes ended with {searched.returncode}: {searched.stderr}")
    return searched.returncode == FOUND


def _search(file: Path, wanted: Sequence[bytes]) -> bool:
    if not file.exists() or file.stat().st_size == 0:
        return False
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return any(content.find(each) >= 0 for each in wanted)


if __name__ == "__main__":
    secrets = [bytes.fromhex(line) for line in sys.stdin.read().splitlines()]
    sys.exit(FOUND if any(_search(Path(name), secrets) for name in sys.argv[1:]) else NOT_FOUND)
