"""A file of every acknowledged frame, to hold against the journal after a crash of the service."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self


class Ledger:
    """Appends `session<TAB>device<TAB>sequence` lines, each written out before the phone goes on.

    Written through to the operating system, not to the disk: it survives this process and the service, which is what
    is killed; not the machine.
    """

    def __init__(self, path: Path | None) -> None:
        """Open for appending; None keeps no ledger."""
        self._file = None if path is None else path.open("ab", buffering=0)

    def acknowledged(self, session: str, device: str, sequences: list[int]) -> None:
        """Write down frames that were acknowledged for the first time."""
        if self._file is not None and sequences:
            self._file.write("".join(f"{session}\t{device}\t{sequence}\n" for sequence in sequences).encode())

    def __enter__(self) -> Self:
        """Already open."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
