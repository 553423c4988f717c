"""The key store: keys of people, wrapped; names and pseudonyms; who was erased."""

from __future__ import annotations

import secrets
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from kinelog.privacy import key_file, master_key
from kinelog.privacy.erasure_list import FILE_NAME as ERASURES_NAME
from kinelog.privacy.erasure_list import ErasureList
from kinelog.privacy.errors import ErasedPersonError, UnknownPersonError
from kinelog.privacy.master_key import MasterKey, sync_folder
from kinelog.privacy.sealer_cache import SealerCache
from kinelog.privacy.sealing import KEY_BYTES, Sealed, Sealer

TENANT_PERSON = "@"
NAME_BYTES = 512
SEALERS = 50_000

_SEALED_NAME = msgspec.msgpack.Decoder(Sealed)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class KeyStore:
    """Keys, names and erasures in one SQLite file of its own. Thread-safe; several processes may have it open.

    A data folder has: `keys/keys.db` (wrapped keys; names, each sealed under its person's key and found by a keyed
    hash), `keys/master.key` (mode 0600; or the environment gives the master key) and `keys/erasures.log`
    (append-only, never part of a backup).
    """

    def __init__(
        self,
        folder: Path,
        master: MasterKey,
        connection: sqlite3.Connection,
        erasures: ErasureList,
        sealers: int,
        now_ms: Callable[[], int],
    ) -> None:
        """Use `open`."""
        self._path = folder / key_file.FILE_NAME
        self._master = master
        self._connection = connection
        self._lock = threading.Lock()
        self._now_ms = now_ms
        self._erasures = erasures
        self._sealers = SealerCache(sealers)

    @classmethod
    def open(
        cls,
        folder: Path,
        master_key: bytes | None = None,
        *,
        sealers: int = SEALERS,
        now_ms: Callable[[], int] = _now_ms,
    ) -> KeyStore:
        """Open or create the store in `folder`.

        Args:
            folder: The `keys` folder of a data folder.
            master_key: 32 bytes; without them they come from the file `master.key`, made with a new store.
            sealers: Sealers kept in memory.
            now_ms: Clock for the list of erasures, Unix milliseconds.

        Raises:
            WrongMasterKeyError: The keys there were wrapped with another master key.
            MissingMasterKeyError: There are keys, but no master key in the folder and none was given.
            KeyStoreUnavailableError: The file does not answer.
            IncompatibleKeyStoreError: The file is no key store of this layout.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        master = _master(folder, master_key)
        path = folder / key_file.FILE_NAME
        with key_file.answering(path):
            connection = key_file.connect(path)
            try:
                master.require(key_file.create(connection, master.check), path)
                erasures = ErasureList(folder / ERASURES_NAME)
                # An erasure that was written down and then interrupted is finished before anybody can read.
                key_file.erase(path, erasures.people())
            except BaseException:
                connection.close()
                raise
        sync_folder(folder)
        return cls(folder, master, connection, erasures, sealers, now_ms)

    def enrol(self, tenant: str, name: str) -> str:
        """The pseudonym of a name; made, with its key, if there is none. Durable before it returns; idempotent.

        Raises:
            ValueError: The name is empty or longer than 512 bytes.
        """
        if not 0 < len(name.encode()) <= NAME_BYTES:
            raise ValueError(f"a name has 1 to {NAME_BYTES} bytes")
        with self._lock, key_file.answering(self._path):
            known = self._pseudonym(tenant, name)
            if known is not None and (tenant, known) not in self._erasures:
                return known
            if known is not None:
                # Another process is in the middle of forgetting who had this name: whoever comes now is somebody new.
                key_file.erase(self._path, [(tenant, known)])
            with key_file.transaction(self._connection):
                # Asked again under the write lock: another process may have been faster.
                return self._pseudonym(tenant, name) or self._add(tenant, secrets.token_hex(16), name)

    def enrol_tenant(self, tenant: str) -> None:
        """Make the key of a tenant's own records (person `@`), if there is none.

        Raises:
            ErasedPersonError: The tenant was erased.
        """
        if (tenant, TENANT_PERSON) in self._erasures:
            raise ErasedPersonError(tenant, TENANT_PERSON)
        with self._lock, key_file.answering(self._path), key_file.transaction(self._connection):
            if self._row(tenant, TENANT_PERSON) is None:
                self._add(tenant, TENANT_PERSON, None)

    def pseudonym(self, tenant: str, name: str) -> str | None:
        """The pseudonym of a name, or None (erased people have none)."""
        with self._lock, key_file.answering(self._path):
            found = self._pseudonym(tenant, name)
        return None if found is None or (tenant, found) in self._erasures else found

    def name(self, tenant: str, pseudonym: str) -> str | None:
        """The name behind a pseudonym, or None."""
        if (tenant, pseudonym) in self._erasures:
            return None
        with self._lock, key_file.answering(self._path):
            row = self._row(tenant, pseudonym)
        if row is None or row[2] is None:
            return None
        sealer = Sealer(row[0], self._master.unwrap(row[1], _place(tenant, pseudonym, row[0])))
        return sealer.open(_SEALED_NAME.decode(row[2]), _name_place(tenant, pseudonym)).decode()

    def people(self) -> list[tuple[str, str]]:
        """Tenant and pseudonym of everybody who has a key."""
        with self._lock, key_file.answering(self._path):
            return list(self._connection.execute("SELECT tenant, pseudonym FROM people ORDER BY tenant, pseudonym"))

    def sealer(self, tenant: str, pseudonym: str) -> Sealer:
        """The person's sealer, from a bounded cache.

        Raises:
            ErasedPersonError: The person was erased.
            UnknownPersonError: There never was such a person here.
        """
        person = (tenant, pseudonym)
        return self._sealers.get(person) or self._load_sealer(person)

    def is_erased(self, tenant: str, pseudonym: str) -> bool:
        """Whether the list of erasures names the person."""
        return (tenant, pseudonym) in self._erasures

    def evict(self, tenant: str, pseudonym: str) -> None:
        """Stop sealing and opening for a person in this process: called by who reads their UserErased elsewhere."""
        self._sealers.bar((tenant, pseudonym))

    def forget(self, tenant: str, pseudonym: str) -> None:
        """Write the erasure down (durably, first), destroy key and name, leave no trace in the file. Idempotent.

        Raises:
            ErasureIncompleteError: Nobody can read the person any more, but a reader of the file kept old pages
                alive; call it again.
        """
        person = (tenant, pseudonym)
        # The order matters: once the list has the line, a crash at any later point is finished by the next `open`,
        # and a restore of an older backup cannot bring the person back.
        self._erasures.append(person, self._now_ms())
        self._sealers.bar(person)
        with key_file.answering(self._path):
            key_file.erase(self._path, [person])

    def close(self) -> None:
        """Close the store."""
        with self._lock:
            self._connection.close()

    def _load_sealer(self, person: tuple[str, str]) -> Sealer:
        if self._sealers.barred(person) or person in self._erasures:
            raise ErasedPersonError(*person)
        with self._lock, key_file.answering(self._path):
            row = self._row(*person)
        if row is None:
            # The row may have gone between the two looks.
            raise (ErasedPersonError if person in self._erasures else UnknownPersonError)(*person)
        sealer = self._sealers.put(person, Sealer(row[0], self._master.unwrap(row[1], _place(*person, row[0]))))
        if sealer is None:
            raise ErasedPersonError(*person)
        return sealer

    def _add(self, tenant: str, pseudonym: str, name: str | None) -> str:
        key_id = secrets.token_hex(8)
        key = secrets.token_bytes(KEY_BYTES)
        tag = sealed = None
        if name is not None:
            tag = self._master.name_tag(tenant, name)
            sealed = msgspec.msgpack.encode(Sealer(key_id, key).seal(name.encode(), _name_place(tenant, pseudonym)))
        wrapped = self._master.wrap(key, _place(tenant, pseudonym, key_id))
        self._connection.execute(
            "INSERT INTO people VALUES (?, ?, ?, ?, ?, ?)", (tenant, pseudonym, key_id, wrapped, tag, sealed)
        )
        return pseudonym

    def _pseudonym(self, tenant: str, name: str) -> str | None:
        tag = self._master.name_tag(tenant, name)
        row = self._connection.execute("SELECT pseudonym FROM people WHERE name_tag = ?", (tag,)).fetchone()
        return None if row is None else str(row[0])

    def _row(self, tenant: str, pseudonym: str) -> tuple[str, bytes, bytes | None] | None:
        row: tuple[str, bytes, bytes | None] | None = self._connection.execute(
            "SELECT key_id, wrapped, sealed_name FROM people WHERE tenant = ? AND pseudonym = ?", (tenant, pseudonym)
        ).fetchone()
        return row


def apply_erasures(folder: Path, erasures: ErasureList) -> int:
    """Remove everybody in the list from a key store that may be older than the list; how many it still had.

    For restores and for copies of keys; needs no master key.
    """
    path = folder / key_file.FILE_NAME
    with key_file.answering(path):
        return key_file.erase(path, erasures.people())


def _master(folder: Path, given: bytes | None) -> MasterKey:
    if given is not None:
        return MasterKey(given)
    return master_key.load_or_create(folder, may_create=not (folder / key_file.FILE_NAME).exists())


def _place(tenant: str, pseudonym: str, key_id: str) -> bytes:
    return f"{tenant}\0{pseudonym}\0{key_id}".encode()


def _name_place(tenant: str, pseudonym: str) -> bytes:
    return f"{tenant}\0{pseudonym}\0name".encode()
