"""Sealing of payloads: AES-256-GCM under a person's key, bound to the place where the payload is stored."""

from __future__ import annotations

import base64
import os
import threading
from collections.abc import Callable, Iterator
from enum import IntEnum
from hashlib import blake2b

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from kinelog.privacy.errors import TamperedError

KEY_BYTES = 32
NONCE_BYTES = 12


class Codec(IntEnum):
    """How a sealed payload's plaintext was encoded, and whether it is encrypted at all."""

    PLAIN_MSGPACK = 0
    AES256GCM_MSGPACK = 1


_SEALED_CODEC = int(Codec.AES256GCM_MSGPACK)


class Sealed(msgspec.Struct, frozen=True, array_like=True, gc=False):
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


class Nonces(threading.local):
    """Random nonces of 12 bytes, drawn from the system a few hundred at a time, for each thread apart.

    A call into the system for each nonce lets other threads run in between, which costs several times the encryption.
    """

    _DRAWN = 256

    def __init__(self) -> None:
        """Draw nothing yet."""
        self._left: Iterator[bytes] = iter(())

    def take(self) -> bytes:
        """A nonce that nobody was given before."""
        nonce = next(self._left, None)
        if nonce is None:
            drawn = os.urandom(NONCE_BYTES * self._DRAWN)
            self._left = (drawn[start : start + NONCE_BYTES] for start in range(0, len(drawn), NONCE_BYTES))
            nonce = next(self._left)
        return nonce

    def forget(self) -> None:
        """Drop what was drawn."""
        self._left = iter(())


_NONCES = Nonces()
# A forked child has a copy of what its parent drew; one nonce used twice under a key would give both payloads away.
os.register_at_fork(after_in_child=_NONCES.forget)


def checksum_of(codec: int, key_id: str, nonce: bytes, associated: bytes, ciphertext: bytes) -> bytes:
    """The checksum that `Sealed.checksum` holds (BLAKE2b with a digest of 8 bytes; lengths keep the fields apart)."""
    # One call over joined bytes: for payloads of this size a second update costs more than the copy.
    joined = b"%d\0%b\0%b\0%d\0%b%b" % (codec, key_id.encode(), nonce, len(associated), associated, ciphertext)
    return blake2b(joined, digest_size=8).digest()


class Sealer:
    """Seals and opens payloads of one person. Thread-safe."""

    __slots__ = ("_key", "key_id")

    key_id: str

    def __init__(self, key_id: str, key: bytes) -> None:
        """Use this key of 32 bytes."""
        self.key_id = key_id
        # Not a ready cipher: that is 2.4 KiB for each person in the cache, to save a microsecond a payload.
        self._key = key

    def seal(self, plaintext: bytes, associated: bytes) -> Sealed:
        """Encrypt under a fresh nonce; `associated` (the place: entity, sequence, type) is authenticated only."""
        # Random nonces of 96 bits: a person would have to store 2³² payloads before a repetition is as likely as
        # 2⁻³², and a key belongs to one person.
        nonce = _NONCES.take()
        ciphertext = AESGCM(self._key).encrypt(nonce, plaintext, associated)
        checksum = checksum_of(_SEALED_CODEC, self.key_id, nonce, associated, ciphertext)
        return Sealed(_SEALED_CODEC, self.key_id, nonce, checksum, ciphertext)

    def open(self, sealed: Sealed, associated: bytes) -> bytes:
        """Decrypt.

        Raises:
            TamperedError: Bytes, place or key differ from what was sealed.
        """
        if sealed.codec != _SEALED_CODEC or sealed.key_id != self.key_id:
            message = f"sealed with codec {sealed.codec} under key {sealed.key_id!r}, not under {self.key_id!r}"
            raise TamperedError(message)
        try:
            return AESGCM(self._key).decrypt(sealed.nonce, sealed.ciphertext, associated)
        except (InvalidTag, ValueError) as error:  # ValueError: a nonce of a length that no cipher takes
            raise TamperedError(f"a payload under key {self.key_id} does not authenticate") from error

    def conceal(self, text: str) -> str:
        """The text as a word for records that are not the person's own; only this key turns it back.

        The same text gives the same word (AES-SIV), so that words can be compared where nobody has the key. Letters,
        digits, `-` and `_`: 4 for 3 bytes, and 22 more.
        """
        return base64.urlsafe_b64encode(self._siv().encrypt(text.encode(), None)).rstrip(b"=").decode()

    def reveal(self, word: str) -> str:
        """The text that was concealed.

        Raises:
            TamperedError: The word is not one that this key made.
        """
        try:
            return self._siv().decrypt(base64.urlsafe_b64decode(word + "=" * (-len(word) % 4)), None).decode()
        except (InvalidTag, ValueError) as error:  # ValueError: no base64, or too short to hold a tag
            raise TamperedError(f"a concealed word under key {self.key_id} does not authenticate") from error

    def _siv(self) -> AESSIV:
        # A key of its own: one key is never used with two ciphers.
        return AESSIV(HKDFExpand(SHA256(), 64, b"kinelog/conceal").derive(self._key))

    def opener(self) -> Callable[[Sealed, bytes], bytes]:
        """`open` with a ready cipher, for many payloads in a row. Let go of it soon: it knows of no erasure."""
        key_id = self.key_id
        decrypt = AESGCM(self._key).decrypt

        def opened(sealed: Sealed, associated: bytes) -> bytes:
            if sealed.codec != _SEALED_CODEC or sealed.key_id != key_id:
                return self.open(sealed, associated)
            try:
                return decrypt(sealed.nonce, sealed.ciphertext, associated)
            except (InvalidTag, ValueError):
                return self.open(sealed, associated)  # which says what is wrong

        return opened


def seal_plain(plaintext: bytes, associated: bytes) -> Sealed:
    """Wrap a payload that says nothing about anybody (UserErased, shard state) in the same envelope."""
    return Sealed(
        Codec.PLAIN_MSGPACK, "", b"", checksum_of(Codec.PLAIN_MSGPACK, "", b"", associated, plaintext), plaintext
    )
