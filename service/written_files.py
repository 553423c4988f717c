"""Files that a command is asked to write: refused before the work begins, and in one line if the disk says no."""

from __future__ import annotations

import os
from pathlib import Path

from kinelog.service.errors import CannotCreateError


def prepare_place_for(file: Path) -> None:
    """Make the folder of a file that is written later: before hours of work that would end in nothing to show.

    Raises:
        CannotCreateError: It cannot be made, or not be written to.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotCreateError(f"{file.parent}: {error.strerror}") from error
    if file.is_dir() or not os.access(file.parent, os.W_OK):
        raise CannotCreateError(f"{file}: cannot be written; name another file")


def write_file(file: Path, content: bytes) -> None:
    """Write a file, and the folder that it is in.

    Raises:
        CannotCreateError: It cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    except OSError as error:
        raise CannotCreateError(f"{file}: {error.strerror}") from error
