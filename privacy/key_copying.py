"""Keys, names and erasures of one store copied into another, wrapped as they are: nothing is opened on the way.

Copied before the events that need them, and again after: whoever was erased at the source in the meantime is erased at
the destination then. An erasure is never taken back, on neither side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import NamedTuple

from kinelog.privacy.erasures import Erasures
from kinelog.privacy.errors import IncompatibleKeyStoreError
from kinelog.privacy.key_table import KeyRecord, KeyTable, Person
from kinelog.privacy.master_key import MasterKey

AT_ONCE = 16
CHUNK = 256
"""People who are in memory at a time."""


class Keys(NamedTuple):
    """Keys and erasures of one store."""

    table: KeyTable
    erasures: Erasures


class KeysCopied(NamedTuple):
    """What a pass over the keys did.

    Attributes:
        people: How many people of the source have a key at the destination now.
        erased: How many were erased at the destination.
    """

    people: int
    erased: int


def require_same_master_key(master: MasterKey, stores: Iterable[Keys]) -> None:
    """Refuse stores whose keys are wrapped with another master key; a new store belongs to this one from now on.

    Raises:
        WrongMasterKeyError: Keys in one of them could never be opened together with the others.
    """
    for keys in stores:
        master.require(keys.table.claim(master.check), keys.table.where)


def copy_keys(source: Keys, destination: Keys, now_ms: Callable[[], int]) -> KeysCopied:
    """Copy everybody who was not erased on either side, then the erasures. Run again, it adds what is new.

    Args:
        source: From where; read only.
        destination: To where; of the same master key.
        now_ms: Clock for the list of erasures, Unix milliseconds.

    Raises:
        IncompatibleKeyStoreError: The destination has another key of somebody, or somebody else of the same name.
        ErasureIncompleteError: Nobody can read the erased any more, but bytes of their keys are left; run it again.
        KeyStoreUnavailableError: A store does not answer.
    """
    for keys in (source, destination):
        keys.erasures.refresh()
    gone = source.erasures.people() | destination.erasures.people()
    staying = ((person, record) for person, record in source.table.records() if person not in gone)
    people = 0
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="keys") as pool:
        for chunk in _chunks(staying):
            people += sum(pool.map(lambda item: _copy(destination.table, *item), chunk))
    # Read again, last: whoever was erased while keys were copied may have been copied before.
    source.erasures.refresh()
    erased = source.erasures.people() - destination.erasures.people()
    for person in sorted(erased):
        destination.erasures.append(person, now_ms())
    destination.table.erase(source.erasures.people())
    return KeysCopied(people, len(erased))


def _copy(table: KeyTable, person: Person, record: KeyRecord) -> bool:
    there = table.find(person)
    if there is None:
        holder = table.add(person, record.name_tag, lambda _whose: record)
        if holder != person:
            raise IncompatibleKeyStoreError(
                f"{table.where} has the name of {'/'.join(person)} already, for {'/'.join(holder)}: "
                "copy into an empty store"
            )
        there = table.find(person)
    if there != record:
        raise IncompatibleKeyStoreError(
            f"{table.where} has another key of {'/'.join(person)} than the source: copy into an empty store"
        )
    return True


def _chunks(records: Iterator[tuple[Person, KeyRecord]]) -> Iterator[list[tuple[Person, KeyRecord]]]:
    while chunk := list(islice(records, CHUNK)):
        yield chunk
