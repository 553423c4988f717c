"""The list of erasures: who was erased, append-only, kept outside every backup so that no restore undoes it."""

from __future__ import annotations

import fcntl
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kinelog.embedded_files.folders import sync_folder
from kinelog.privacy.erasures import Erasures
from kinelog.privacy.errors import DamagedErasuresError
from kinelog.privacy.key_table import Person
from typing_extensions import override

FILE_NAME = "erasures.log"
_LINE = re.compile(rb"([a-z0-9-]{1,32}) ([0-9a-f]{32}|@) ([0-9]{1,16})")


class ErasureList(Erasures):
    """A text file with a line `tenant pseudonym unix_ms` for each erasure. Thread-safe, for several processes."""

    def __init__(self, path: Path) -> None:
        """Read the list, which need not exist yet.

        Raises:
            DamagedErasuresError: A line is not what this class writes.
        """
        self.path = path
        self._lock = threading.Lock()
        self._people: set[Person] = set()
        self._watchers: list[Callable[[Person], None]] = []
        self._read_bytes = 0
        self.refresh()

    @override
    def __contains__(self, person: Person) -> bool:
        """Whether the person was erased, by any process, up to now."""
        if person in self._people:
            return True
        self.refresh()
        return person in self._people

    @override
    def people(self) -> frozenset[Person]:
        self.refresh()
        with self._lock:
            return frozenset(self._people)

    @override
    def append(self, person: Person, now_ms: int) -> None:
        with self._lock, _exclusive(self.path) as descriptor:
            self._take_in(descriptor)
            if person in self._people:
                return
            line = f"{person[0]} {person[1]} {now_ms}\n".encode()
            if not _LINE.fullmatch(line.rstrip()):
                raise ValueError(f"{person[0]!r}/{person[1]!r} is no tenant and pseudonym")
            # What follows the last whole line is the torn rest of an append that never returned.
            os.ftruncate(descriptor, self._read_bytes)
            written = os.pwrite(descriptor, line, self._read_bytes)
            if written < len(line):
                raise OSError(f"only {written} of {len(line)} bytes of an erasure were written to {self.path}")
            os.fsync(descriptor)
            sync_folder(self.path.parent)
            self._notice(person)
            self._read_bytes += len(line)

    @override
    def watch(self, noticed: Callable[[Person], None]) -> None:
        with self._lock:
            self._watchers.append(noticed)
            for person in self._people:
                noticed(person)

    @override
    def close(self) -> None:
        """Nothing is held open."""

    @override
    def refresh(self) -> None:
        try:
            if self.path.stat().st_size == self._read_bytes:
                return
            descriptor = os.open(self.path, os.O_RDONLY)
        except FileNotFoundError:
            return
        try:
            with self._lock:
                self._take_in(descriptor)
        finally:
            os.close(descriptor)

    def _take_in(self, descriptor: int) -> None:
        """Read the whole lines behind what was read before."""
        size = os.fstat(descriptor).st_size
        tail = os.pread(descriptor, max(0, size - self._read_bytes), self._read_bytes)
        whole = tail[: tail.rfind(b"\n") + 1]
        for line in whole.splitlines():
            match = _LINE.fullmatch(line)
            if match is None:
                raise DamagedErasuresError(f"{self.path}: line {line[:80]!r} names no tenant, pseudonym and time")
            self._notice((match[1].decode(), match[2].decode()))
        self._read_bytes += len(whole)

    def _notice(self, person: Person) -> None:
        if person not in self._people:
            self._people.add(person)
            for noticed in self._watchers:
                noticed(person)


@contextmanager
def _exclusive(path: Path) -> Iterator[int]:
    """The file, open for writing and locked against other processes."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)
