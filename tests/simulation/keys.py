"""A key store in memory. Keys that were forgotten stay in an escrow that only the checker may open."""

from __future__ import annotations

from collections.abc import Callable

from kinelog.privacy.errors import ErasedPersonError, TamperedError, UnknownPersonError
from kinelog.privacy.key_store import KeyStore
from kinelog.privacy.sealing import Codec, Sealed, Sealer
from typing_extensions import override


class OpenSealer(Sealer):
    """Binds a payload to its place as the real one does, and hides nothing: cryptography is tested elsewhere."""

    def __init__(self, key_id: str) -> None:
        self.key_id = key_id

    @override
    def seal(self, plaintext: bytes, associated: bytes) -> Sealed:
        return Sealed(Codec.AES256GCM_MSGPACK, self.key_id, b"", associated, plaintext)

    @override
    def open(self, sealed: Sealed, associated: bytes) -> bytes:
        if sealed.checksum != associated or sealed.key_id != self.key_id:
            raise TamperedError(f"sealed for {sealed.checksum!r}")
        return sealed.ciphertext

    @override
    def opener(self) -> Callable[[Sealed, bytes], bytes]:
        return self.open


class MemoryKeys(KeyStore):
    """People with and without keys."""

    def __init__(self, *, escrow: bool = False) -> None:
        self.sealers: dict[tuple[str, str], OpenSealer] = {}
        self.erased: set[tuple[str, str]] = set()
        self._escrow = escrow

    def escrow(self) -> MemoryKeys:
        """The same keys, as if nobody had been erased: for whoever judges what is in the log."""
        opened = MemoryKeys(escrow=True)
        opened.sealers = self.sealers
        opened.erased = self.erased
        return opened

    @override
    def enrol(self, tenant: str, name: str) -> str:
        pseudonym = f"{len(self.sealers):032x}"
        self.enrol_as(tenant, pseudonym)
        return pseudonym

    def enrol_as(self, tenant: str, pseudonym: str) -> None:
        """Give a key to somebody who has a pseudonym already, as tenants do."""
        self.sealers[tenant, pseudonym] = OpenSealer(f"{len(self.sealers):016x}")

    @override
    def sealer(self, tenant: str, pseudonym: str) -> Sealer:
        person = (tenant, pseudonym)
        if person in self.erased and not self._escrow:
            raise ErasedPersonError(*person)
        sealer = self.sealers.get(person)
        if sealer is None:
            raise UnknownPersonError(*person)
        return sealer

    @override
    def is_erased(self, tenant: str, pseudonym: str) -> bool:
        return (tenant, pseudonym) in self.erased

    @override
    def forget(self, tenant: str, pseudonym: str) -> None:
        self.erased.add((tenant, pseudonym))
