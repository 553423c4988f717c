"""What can go wrong with keys."""

from __future__ import annotations


class PrivacyError(Exception):
    """Base of all errors of this package."""


class UnknownPersonError(PrivacyError):
    """No key and no erasure is known for this person."""

    def __init__(self, tenant: str, pseudonym: str) -> None:
        """Name the person by pseudonym only."""
        super().__init__(f"no key for {tenant}/{pseudonym}")
        self.tenant = tenant
        self.pseudonym = pseudonym


class ErasedPersonError(PrivacyError):
    """The person was erased: nothing of theirs can be read or written any more."""

    def __init__(self, tenant: str, pseudonym: str) -> None:
        """Name the person by pseudonym only."""
        super().__init__(f"{tenant}/{pseudonym} was erased")
        self.tenant = tenant
        self.pseudonym = pseudonym


class TamperedError(PrivacyError):
    """A sealed payload does not authenticate: other bytes, other place or other key than it was sealed with."""


class WrongMasterKeyError(PrivacyError):
    """The key store was wrapped with another master key than the one given."""


class MissingMasterKeyError(PrivacyError):
    """There are wrapped keys but no master key to unwrap them with; the message says where one is looked for."""


class KeyStoreUnavailableError(PrivacyError):
    """The file of the key store does not answer (locked, full or unreadable disk). Nothing was changed."""


class IncompatibleKeyStoreError(PrivacyError):
    """The file is no key store, or one of another layout."""


class DamagedErasuresError(PrivacyError):
    """A line of the list of erasures cannot be read; nobody is brought back by skipping it."""


class ErasureIncompleteError(PrivacyError):
    """The key is gone for every reader, but bytes of it are still in the file; forgetting again finishes the work."""
