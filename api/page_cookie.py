"""The cookie of a signed-in operator: a token, sealed, so that the browser holds nothing it could use elsewhere.

The token is one of the pages' own (`page_tokens`). Every request opens the cookie and has it checked again, with the
token that the operator signed in with: where either is revoked, the pages end.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Callable

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

COOKIE_NAME = "kinelog_page"
LIFETIME_MS = 12 * 3_600_000
MAX_COOKIE_CHARACTERS = 1024
NONCE_BYTES = 12
PURPOSE = b"kinelog page cookie 2"


class SignIn(msgspec.Struct, frozen=True, array_like=True):
    """What a cookie holds.

    Attributes:
        issued_ms: When somebody signed in, Unix milliseconds.
        token: The pages' own.
        signed_in_with: Id of the operator's token that was shown then.
    """

    issued_ms: int
    token: str
    signed_in_with: str


class PageCookie:
    """Seals and opens cookies (AES-256-GCM under a key derived for this purpose only)."""

    def __init__(self, secret: bytes, clock_ms: Callable[[], int]) -> None:
        derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE).derive(secret)
        self._cipher = AESGCM(derived)
        self._clock_ms = clock_ms

    def seal(self, token: str, signed_in_with: str) -> str:
        """A new cookie value for a token that was just issued to the bearer of another."""
        content = msgspec.msgpack.encode(SignIn(self._clock_ms(), token, signed_in_with))
        nonce = secrets.token_bytes(NONCE_BYTES)
        return base64.urlsafe_b64encode(nonce + self._cipher.encrypt(nonce, content, PURPOSE)).decode()

    def open(self, value: str | None) -> SignIn | None:
        """What is in a cookie value; None if it is absent, foreign, changed or expired."""
        content = self._content(value)
        if content is None or self._clock_ms() - content.issued_ms >= LIFETIME_MS:
            return None
        return content

    def _content(self, value: str | None) -> SignIn | None:
        if value is None or len(value) > MAX_COOKIE_CHARACTERS:
            return None
        try:
            sealed = base64.b64decode(value, altchars=b"-_", validate=True)
            if base64.urlsafe_b64encode(sealed).decode() != value:
                return None  # the same bytes in other letters (`+` for `-`, loose last bits): nothing that we made
            plain = self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], PURPOSE)
            return msgspec.msgpack.decode(plain, type=SignIn)
        # ValueError: a nonce that is too short. All of these mean the same: this is no cookie of ours.
        except (binascii.Error, InvalidTag, ValueError):
            return None
