"""The key store: keys of people, wrapped; names and pseudonyms; who was erased."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from kinelog.embedded_files.folders import sync_folder
from kinelog.privacy import key_file, master_key
from kinelog.privacy.erasure_list import FILE_NAME as ERASURES_NAME
from kinelog.privacy.erasure_list import ErasureList
from kinelog.privacy.erasures import Erasures
from kinelog.privacy.errors import ErasedPersonError, TamperedError, UnknownPersonError
from kinelog.privacy.key_table import KeyRecord, KeyTable, Person
from kinelog.privacy.master_key import MasterKey
from kinelog.privacy.sealer_cache import SealerCache
from kinelog.privacy.sealing import KEY_BYTES, Sealed, Sealer
from kinelog.privacy.sqlite_key_table import SqliteKeyTable

TENANT_PERSON = "@"
NAME_BYTES = 512
SEALERS = 50_000

_SEALED_NAME = msgspec.msgpack.Decoder(Sealed)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class KeyStore:
    """Keys, names and erasures, over a table of keys and a list of erasures. Thread-safe, for several processes.

    Names lie sealed under their person's key and are found by a keyed hash; keys lie wrapped with the master key.
    """

    def __init__(
        self,
        table: KeyTable,
        master: MasterKey,
        erasures: Erasures,
        sealers: int = SEALERS,
        now_ms: Callable[[], int] = _now_ms,
    ) -> None:
        """Use the table of this master key.

        Args:
            table: Keys and names; closed with the store, as are the erasures.
            master: Wraps keys.
            erasures: Who was erased, whatever the table holds.
            sealers: Sealers kept in memory.
            now_ms: Clock for the list of erasures, Unix milliseconds.

        Raises:
            WrongMasterKeyError: The keys there were wrapped with another master key.
        """
        master.require(table.claim(master.check), table.where)
        self._table = table
        self._master = master
        self._now_ms = now_ms
        self._erasures = erasures
        self._sealers = SealerCache(sealers)
        erasures.watch(self._sealers.bar)

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

        The folder has `keys.db` (keys and names), `master.key` (mode 0600; or the environment gives the master key) and
        `erasures.log` (append-only, never part of a backup).

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
        table = SqliteKeyTable(folder / key_file.FILE_NAME, master.check)
        try:
            store = cls(table, master, ErasureList(folder / ERASURES_NAME), sealers, now_ms)
            store.finish_erasures()
        except BaseException:
            table.close()
            raise
        sync_folder(folder)
        return store

    @property
    def cursor_key(self) -> bytes:
        """32 secret bytes for what clients hold sealed; the same in every process of the deployment."""
        return self._master.cursors

    @property
    def erasures_heard_within_s(self) -> float:
        """How long after an erasure every process of the deployment has heard of it."""
        return self._erasures.heard_within_s

    def finish_erasures(self) -> int:
        """Destroy what is left of everybody in the list: before anybody reads, and after every restore of the keys.

        Returns:
            How many people still had a key.
        """
        return self._table.erase(self._erasures.people())

    def enrol(self, tenant: str, name: str) -> str:
        """The pseudonym of a name; made, with its key, if there is none. Durable before it returns; idempotent.

        Raises:
            ValueError: The name is empty or longer than 512 bytes.
        """
        if not 0 < len(name.encode()) <= NAME_BYTES:
            raise ValueError(f"a name has 1 to {NAME_BYTES} bytes")
        tag = self._master.name_tag(tenant, name)
        self._erasures.refresh()
        known = self._table.named(tag)
        if known is not None and known not in self._erasures:
            return known[1]
        if known is not None:
            # Another process is in the middle of forgetting who had this name: whoever comes now is somebody new.
            self._table.erase([known])
        person = (tenant, secrets.token_hex(16))
        return self._table.add(person, tag, lambda whose: self._new_record(whose, name))[1]

    def enrol_tenant(self, tenant: str) -> None:
        """Make the key of a tenant's own records (person `@`), if there is none.

        Raises:
            ErasedPersonError: The tenant was erased.
        """
        person = (tenant, TENANT_PERSON)
        self._erasures.refresh()
        if person in self._erasures:
            raise ErasedPersonError(*person)
        self._table.add(person, None, lambda whose: self._new_record(whose, None))

    def pseudonym(self, tenant: str, name: str) -> str | None:
        """The pseudonym of a name, or None (erased people have none)."""
        found = self._table.named(self._master.name_tag(tenant, name))
        return None if found is None or found in self._erasures else found[1]

    def name(self, tenant: str, pseudonym: str) -> str | None:
        """The name behind a pseudonym, or None.

        Raises:
            TamperedError: What is kept of it is not what was sealed.
        """
        person = (tenant, pseudonym)
        if person in self._erasures:
            return None
        record = self._table.find(person)
        if record is None or record.sealed_name is None:
            return None
        sealer = Sealer(record.key_id, self._master.unwrap(record.wrapped, _place(person, record.key_id)))
        try:
            sealed = _SEALED_NAME.decode(record.sealed_name)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise TamperedError(f"the name of {tenant}/{pseudonym} is not what was sealed") from error
        return sealer.open(sealed, _name_place(person)).decode()

    def people(self) -> list[Person]:
        """Tenant and pseudonym of everybody who has a key."""
        return sorted(person for person, _ in self._table.records())

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
        self._table.erase([person])

    def close(self) -> None:
        """Close the store."""
        self._erasures.close()
        self._table.close()

    def _load_sealer(self, person: Person) -> Sealer:
        if self._sealers.barred(person) or person in self._erasures:
            raise ErasedPersonError(*person)
        record = self._table.find(person)
        if record is None:
            # The record may have gone between the two looks.
            self._erasures.refresh()
            raise (ErasedPersonError if person in self._erasures else UnknownPersonError)(*person)
        key = self._master.unwrap(record.wrapped, _place(person, record.key_id))
        sealer = self._sealers.put(person, Sealer(record.key_id, key))
        if sealer is None:
            raise ErasedPersonError(*person)
        return sealer

    def _new_record(self, person: Person, name: str | None) -> KeyRecord:
        key_id = secrets.token_hex(8)
        key = secrets.token_bytes(KEY_BYTES)
        wrapped = self._master.wrap(key, _place(person, key_id))
        if name is None:
            return KeyRecord(key_id, wrapped, None, None)
        sealed = msgspec.msgpack.encode(Sealer(key_id, key).seal(name.encode(), _name_place(person)))
        return KeyRecord(key_id, wrapped, self._master.name_tag(person[0], name), sealed)


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


def _place(person: Person, key_id: str) -> bytes:
    return f"{person[0]}\0{person[1]}\0{key_id}".encode()


def _name_place(person: Person) -> bytes:
    return f"{person[0]}\0{person[1]}\0name".encode()
