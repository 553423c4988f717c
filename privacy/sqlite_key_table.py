"""Keys in one SQLite file, which forgets without a trace."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from kinelog.embedded_files.transactions import transaction
from kinelog.privacy import key_file
from kinelog.privacy.key_table import KeyRecord, KeyTable, Person
from typing_extensions import override

_COLUMNS = "key_id, wrapped, name_tag, sealed_name"


class SqliteKeyTable(KeyTable):
    """The tables of `keys.db`, over one connection."""

    def __init__(self, path: Path, check: bytes) -> None:
        """Open the file, or make it for the master key with this check value.

        Raises:
            KeyStoreUnavailableError: The file does not answer.
            IncompatibleKeyStoreError: The file is no key store of this layout.
        """
        self.where = str(path)
        self._path = path
        self._lock = threading.Lock()
        with key_file.answering(path):
            self._connection = key_file.connect(path)
            try:
                self._check = key_file.create(self._connection, check)
            except BaseException:
                self._connection.close()
                raise

    @override
    def claim(self, check: bytes) -> bytes:
        return self._check

    @override
    def named(self, name_tag: bytes) -> Person | None:
        with self._lock, key_file.answering(self._path):
            return self._named(name_tag)

    @override
    def find(self, person: Person) -> KeyRecord | None:
        with self._lock, key_file.answering(self._path):
            return self._find(person)

    @override
    def add(self, person: Person, name_tag: bytes | None, make: Callable[[Person], KeyRecord]) -> Person:
        with self._lock, key_file.answering(self._path), transaction(self._connection):
            # Asked under the write lock: another process may have been faster.
            there = None if name_tag is None else self._named(name_tag)
            if there is None and self._find(person) is None:
                self._connection.execute("INSERT INTO people VALUES (?, ?, ?, ?, ?, ?)", (*person, *make(person)))
        return there or person

    @override
    def erase(self, people: Iterable[Person]) -> int:
        with key_file.answering(self._path):
            return key_file.erase(self._path, people)

    @override
    def records(self) -> Iterator[tuple[Person, KeyRecord]]:
        after: Person = ("", "")
        while True:
            with self._lock, key_file.answering(self._path):
                rows: list[tuple[str, str, str, bytes, bytes | None, bytes | None]] = self._connection.execute(
                    f"SELECT tenant, pseudonym, {_COLUMNS} FROM people"  # noqa: S608 - names of ours
                    " WHERE (tenant, pseudonym) > (?, ?) ORDER BY tenant, pseudonym LIMIT 1000",
                    after,
                ).fetchall()
            if not rows:
                return
            for tenant, pseudonym, key_id, wrapped, name_tag, sealed_name in rows:
                after = (tenant, pseudonym)
                yield after, KeyRecord(key_id, wrapped, name_tag, sealed_name)

    @override
    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def _named(self, name_tag: bytes) -> Person | None:
        row: Person | None = self._connection.execute(
            "SELECT tenant, pseudonym FROM people WHERE name_tag = ?", (name_tag,)
        ).fetchone()
        return row

    def _find(self, person: Person) -> KeyRecord | None:
        row: tuple[str, bytes, bytes | None, bytes | None] | None = self._connection.execute(
            f"SELECT {_COLUMNS} FROM people WHERE tenant = ? AND pseudonym = ?",  # noqa: S608 - names of ours
            person,
        ).fetchone()
        return None if row is None else KeyRecord(*row)
