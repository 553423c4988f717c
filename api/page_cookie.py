"""The cookie of a signed-in operator: their token, sealed, so that the browser holds nothing it could use elsewhere.

Every request opens the cookie and has the token checked again, so a revoked token ends its pages at once.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections import OrderedDict
from collections.abc import Callable

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

COOKIE_NAME = "kinelog_page"
LIFETIME_MS = 12 * 3_600_000
MAX_COOKIE_CHARACTERS = 1024
MAX_SIGNED_OUT = 10_000
NONCE_BYTES = 12
PURPOSE = b"kinelog page cookie 1"


class _Content(msgspec.Struct, frozen=True, array_like=True):
    """What a cookie holds."""

    issued_ms: int
    cookie_id: bytes
    token: str


class PageCookie:
    """Seals and opens cookies (AES-256-GCM under a key derived for this purpose only).

    Cookies that were signed out are remembered until they would have expired anyway, in this process.
    """

    def __init__(self, secret: bytes, clock_ms: Callable[[], int]) -> None:
        derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE).derive(secret)
        self._cipher = AESGCM(derived)
        self._clock_ms = clock_ms
        self._signed_out: OrderedDict[bytes, None] = OrderedDict()

    def seal(self, token: str) -> str:
        """A new cookie value for a token that was just checked."""
        content = msgspec.msgpack.encode(_Content(self._clock_ms(), secrets.token_bytes(16), token))
        nonce = secrets.token_bytes(NONCE_BYTES)
        return base64.urlsafe_b64encode(nonce + self._cipher.encrypt(nonce, content, PURPOSE)).decode()

    def open(self, value: str | None) -> str | None:
        """The token in a cookie value; None if it is absent, foreign, changed, expired or signed out."""
        content = self._content(value)
        if content is None or content.cookie_id in self._signed_out:
            return None
        age_ms = self._clock_ms() - content.issued_ms
        return content.token if age_ms < LIFETIME_MS else None

    def sign_out(self, value: str | None) -> None:
        """Never open this cookie again."""
        content = self._content(value)
        if content is None:
            return
        self._signed_out[content.cookie_id] = None
        while len(self._signed_out) > MAX_SIGNED_OUT:
            self._signed_out.popitem(last=False)

    def _content(self, value: str | None) -> _Content | None:
        if value is None or len(value) > MAX_COOKIE_CHARACTERS:
            return None
        try:
            sealed = base64.b64decode(value, altchars=b"-_", validate=True)
            if base64.urlsafe_b64encode(sealed).decode() != value:
                return None  # the same bytes in other letters (`+` for `-`, loose last bits): nothing that we made
            plain = self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], PURPOSE)
            return msgspec.msgpack.decode(plain, type=_Content)
        # ValueError: a nonce that is too short. All of these mean the same: this is no cookie of ours.
        except (binascii.Error, InvalidTag, ValueError):
            return None
