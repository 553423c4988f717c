"""The port behind the key store: where wrapped keys and names lie. `tests/privacy/key_store_contract.py` judges it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

Person = tuple[str, str]
"""Tenant and pseudonym."""


class KeyRecord(NamedTuple):
    """What is kept of a person.

    Attributes:
        key_id: Names the key (16 hex digits).
        wrapped: The key, wrapped with the master key and bound to person and key id.
        name_tag: Keyed hash by which the name is found; None for a tenant's own key.
        sealed_name: The name, sealed under the person's key; None with `name_tag`.
    """

    key_id: str
    wrapped: bytes
    name_tag: bytes | None
    sealed_name: bytes | None


class KeyTable(ABC):
    """Keys by person, and who has a name. Thread-safe; several processes may use one.

    Every method may raise `KeyStoreUnavailableError` (try again) and `IncompatibleKeyStoreError`.
    """

    where: str
    """How messages name it."""

    @abstractmethod
    def claim(self, check: bytes) -> bytes:
        """The check value of the master key that the table belongs to: this one, if it belonged to none."""

    @abstractmethod
    def named(self, name_tag: bytes) -> Person | None:
        """Who has a name, and a key; None if nobody."""

    @abstractmethod
    def find(self, person: Person) -> KeyRecord | None:
        """What is kept of a person."""

    @abstractmethod
    def add(self, person: Person, name_tag: bytes | None, make: Callable[[Person], KeyRecord]) -> Person:
        """Enrol a person; durable before it returns, and nobody else gets the name or another key.

        Args:
            person: Who shall have the name. Nobody had this pseudonym before.
            name_tag: The name; None for a tenant, who may be there already.
            make: Makes a record with a new key for whom it is called with.

        Returns:
            Who has the name now: `person`, or whoever was faster.
        """

    @abstractmethod
    def erase(self, people: Iterable[Person]) -> int:
        """Destroy keys and names of people; how many were still there. Idempotent; finishes what was interrupted.

        Raises:
            ErasureIncompleteError: Nobody can read the keys any more, but bytes of them are left; call it again.
        """

    @abstractmethod
    def records(self) -> Iterator[tuple[Person, KeyRecord]]:
        """Everybody who has a key, in no particular order, read bit by bit: for copies and counts."""

    @abstractmethod
    def close(self) -> None:
        """Let go of it."""
