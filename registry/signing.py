"""Ed25519 over the exact bytes that are served: keys, key ids, signatures, and how one key follows another.

A signature names its key, so that several may be trusted while one takes the place of another. A new key is *endorsed*:
the key before it signs it, and whoever trusts that one may come to trust the new one without asking anybody.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from typing import Self

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from kinelog.registry.errors import KeyFormatError, SignatureError
from typing_extensions import override

KEY_BYTES = 32
SIGNATURE_BYTES = 64
KEY_ID_DIGITS = 16
_ENDORSES = b"kinelog model key\0"
"""Starts what is signed of a key; a manifest starts with a brace, so neither can be taken for the other."""

_HEADER = re.compile(r'ed25519 keyid="?([0-9a-f]{16})"?, signature="?([A-Za-z0-9+/]{86}==)"?')


def key_id_of(public: bytes) -> str:
    """Names a public key: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(public).hexdigest()[:KEY_ID_DIGITS]


class Signature(msgspec.Struct, frozen=True):
    """A signature and the key that made it.

    Attributes:
        key_id: Which key.
        value: 64 bytes.

    Raises:
        KeyFormatError: Not as long, or no key id.
    """

    key_id: str
    value: bytes

    def __post_init__(self) -> None:
        """Refuse what cannot be a signature."""
        if not re.fullmatch(r"[0-9a-f]{16}", self.key_id) or len(self.value) != SIGNATURE_BYTES:
            raise KeyFormatError(f"a signature has {SIGNATURE_BYTES} bytes and the id of a key, 16 hex digits")

    @property
    def header(self) -> str:
        """As it stands in the header `Kinelog-Signature`."""
        return f'ed25519 keyid="{self.key_id}", signature="{base64.b64encode(self.value).decode()}"'

    @classmethod
    def parse(cls, header: str) -> Self:
        """The signature in a header, with or without quotes.

        Raises:
            KeyFormatError: There is none.
        """
        found = _HEADER.fullmatch(header.strip())
        if found is None:
            raise KeyFormatError('a signature is written: ed25519 keyid="16 hex digits", signature="base64"')
        return cls(found[1], base64.b64decode(found[2]))


class PublicKey(msgspec.Struct, frozen=True):
    """What signatures are checked with.

    Attributes:
        public: 32 bytes.
        endorsement: The key before it says that this one follows; None for a first key.

    Raises:
        KeyFormatError: Not 32 bytes.
    """

    public: bytes
    endorsement: Signature | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be a key."""
        if len(self.public) != KEY_BYTES:
            raise KeyFormatError(f"a public key has {KEY_BYTES} bytes, this one has {len(self.public)}")

    @property
    def key_id(self) -> str:
        """Names it."""
        return key_id_of(self.public)

    @property
    def text(self) -> str:
        """Base64, as it is handed to phones."""
        return base64.b64encode(self.public).decode()

    @classmethod
    def parse(cls, text: str) -> Self:
        """The key in base64 or in 64 hex digits.

        Raises:
            KeyFormatError: It is in neither.
        """
        text = text.strip()
        try:
            if re.fullmatch(r"[0-9a-fA-F]{64}", text):
                public = bytes.fromhex(text)
            else:
                public = base64.b64decode(text, validate=True)
        except ValueError as error:
            raise KeyFormatError("a public key is written in base64 (44 characters) or in 64 hex digits") from error
        return cls(public)

    def endorsed_by(self, older: PublicKey) -> bool:
        """Whether the older key says that this one follows it."""
        return self.endorsement is not None and verify([older], _ENDORSES + self.public, self.endorsement)


class SigningKey:
    """A private key. Neither its `repr` nor any message shows it."""

    def __init__(self, secret: bytes) -> None:
        """From 32 secret bytes.

        Raises:
            KeyFormatError: Not 32 bytes.
        """
        if len(secret) != KEY_BYTES:
            raise KeyFormatError(f"a signing key has {KEY_BYTES} bytes, this one has {len(secret)}")
        self._private = Ed25519PrivateKey.from_private_bytes(secret)
        self.public = PublicKey(self._private.public_key().public_bytes_raw())

    @property
    def key_id(self) -> str:
        """Names it."""
        return self.public.key_id

    def sign(self, data: bytes) -> Signature:
        """Sign exactly these bytes; the same bytes have the same signature."""
        return Signature(self.key_id, self._private.sign(data))

    def endorse(self, successor: PublicKey) -> PublicKey:
        """The successor with this key's word that it follows."""
        return PublicKey(successor.public, self.sign(_ENDORSES + successor.public))

    @override
    def __repr__(self) -> str:
        return f"SigningKey({self.key_id})"


def verify(keys: Iterable[PublicKey], data: bytes, signature: Signature) -> bool:
    """Whether one of the keys, the one that the signature names, signed exactly these bytes."""
    for key in keys:
        if key.key_id == signature.key_id:
            try:
                Ed25519PublicKey.from_public_bytes(key.public).verify(signature.value, data)
            except InvalidSignature:
                return False
            return True
    return False


def require_signature(keys: Iterable[PublicKey], data: bytes, signature: Signature) -> None:
    """Refuse bytes that no trusted key signed.

    Raises:
        SignatureError: The key is not trusted, or the bytes changed since they were signed.
    """
    trusted = list(keys)
    if all(key.key_id != signature.key_id for key in trusted):
        raise SignatureError("signature", f"made with key {signature.key_id}, which is not trusted")
    if not verify(trusted, data, signature):
        raise SignatureError("signature", f"key {signature.key_id} did not sign these bytes")


def trusted_keys(pinned: Iterable[PublicKey], offered: Iterable[PublicKey]) -> list[PublicKey]:
    """The pinned keys, and of the offered ones those that follow from them by endorsements."""
    trusted = list(pinned)
    waiting = [key for key in offered if key.key_id not in {each.key_id for each in trusted}]
    while followers := [key for key in waiting if any(key.endorsed_by(older) for older in trusted)]:
        trusted += followers
        waiting = [key for key in waiting if key not in followers]
    return trusted
