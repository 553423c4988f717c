"""Sealing of payloads: AES-256-GCM under a person's key, bound to the place where the payload is stored."""

from __future__ import annotations

import hashlib
from enum import IntEnum

import msgspec


class Codec(IntEnum):
    """How a sealed payload's plaintext was encoded, and whether it is encrypted at all."""

    PLAIN_MSGPACK = 0
    AES256GCM_MSGPACK = 1


class Sealed(msgspec.Struct, frozen=True, array_like=True):
    """A payload at rest.

    Attributes:
        codec: See `Codec`.
        key_id: Which key sealed it (16 hex digits), empty for plain payloads.
        nonce: 12 random bytes, empty for plain payloads.
        checksum: First 8 bytes of BLAKE2b over codec, key id, nonce, associated data and ciphertext: damage is found
            without the key, after an erasure too.
        ciphertext: The encrypted payload with its 16-byte tag, or the plain one.
    """

    codec: int
    key_id: str
    nonce: bytes
    checksum: bytes
    ciphertext: bytes


def checksum_of(codec: int, key_id: str, nonce: bytes, associated: bytes, ciphertext: bytes) -> bytes:
    """The checksum that `Sealed.checksum` holds."""
    digest = hashlib.blake2b(digest_size=8)
    digest.update(b"%d\0%b\0%b\0%d\0%b" % (codec, key_id.encode(), nonce, len(associated), associated))
    digest.update(ciphertext)
    return digest.digest()


class Sealer:
    """Seals and opens payloads of one person. Thread-safe."""

    key_id: str

    def seal(self, plaintext: bytes, associated: bytes) -> Sealed:
        """Encrypt under a fresh nonce; `associated` (the place: entity, sequence, type) is authenticated only."""
        raise NotImplementedError

    def open(self, sealed: Sealed, associated: bytes) -> bytes:
        """Decrypt.

        Raises:
            TamperedError: Bytes, place or key differ from what was sealed.
        """
        raise NotImplementedError


def seal_plain(plaintext: bytes, associated: bytes) -> Sealed:
    """Wrap a payload that says nothing about anybody (UserErased, shard state) in the same envelope."""
    return Sealed(
        Codec.PLAIN_MSGPACK, "", b"", checksum_of(Codec.PLAIN_MSGPACK, "", b"", associated, plaintext), plaintext
    )
