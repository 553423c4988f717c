"""The key store: keys of people, wrapped; names and pseudonyms; who was erased."""

from __future__ import annotations

from pathlib import Path

from kinelog.privacy.sealing import Sealer


class KeyStore:
    """Keys, names and erasures in one SQLite file of its own. Thread-safe; several processes may have it open.

    A data folder has: `keys/keys.db` (wrapped keys, names), `keys/master.key` (mode 0600; or the environment gives the
    master key) and `keys/erasures.log` (append-only, never part of a backup).
    """

    @classmethod
    def open(cls, folder: Path, master_key: bytes | None = None) -> KeyStore:
        """Open or create the store in `folder`.

        Raises:
            WrongMasterKeyError: The keys there were wrapped with another master key.
        """
        raise NotImplementedError

    def enrol(self, tenant: str, name: str) -> str:
        """The pseudonym of a name; made, with its key, if there is none. Durable before it returns; idempotent."""
        raise NotImplementedError

    def enrol_tenant(self, tenant: str) -> None:
        """Make the key of a tenant's own records (person `@`), if there is none."""
        raise NotImplementedError

    def pseudonym(self, tenant: str, name: str) -> str | None:
        """The pseudonym of a name, or None (erased people have none)."""
        raise NotImplementedError

    def name(self, tenant: str, pseudonym: str) -> str | None:
        """The name behind a pseudonym, or None."""
        raise NotImplementedError

    def sealer(self, tenant: str, pseudonym: str) -> Sealer:
        """The person's sealer, from a bounded cache.

        Raises:
            ErasedPersonError: The person was erased.
            UnknownPersonError: There never was such a person here.
        """
        raise NotImplementedError

    def is_erased(self, tenant: str, pseudonym: str) -> bool:
        """Whether the list of erasures names the person."""
        raise NotImplementedError

    def forget(self, tenant: str, pseudonym: str) -> None:
        """Write the erasure down (durably, first), destroy key and name, leave no trace in the file. Idempotent."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the store."""
        raise NotImplementedError
