"""Cursors of lists: the view's own key of the last row, sealed so that it can be neither read nor made up.

Sealing (AES-256-GCM) signs and hides: the key holds a pseudonym, which is nobody's business outside. The list's name,
tenant and subject are authenticated with it, so that a cursor of one list is worthless in another.
"""

from __future__ import annotations

import base64
import binascii
import secrets

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from kinelog.projections.read_side import PageKey

MAX_CURSOR_CHARACTERS = 512

_NONCE_BYTES = 12
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(tuple[int, str, str])


class BadCursorError(ValueError):
    """Not a cursor that this list handed out."""


class Cursors:
    """Makes and opens cursors under one key."""

    def __init__(self, key: bytes) -> None:
        """Use this key of 32 bytes."""
        self._cipher = AESGCM(key)

    def seal(self, of: tuple[str, ...], key: PageKey) -> str:
        """The cursor behind the row with this key, in the list that `of` names."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, _ENCODER.encode(key), _associated(of))
        return base64.urlsafe_b64encode(nonce + sealed).rstrip(b"=").decode()

    def open(self, of: tuple[str, ...], cursor: str) -> PageKey:
        """The key behind a cursor.

        Raises:
            BadCursorError: Damaged, made up, or of another list.
        """
        if len(cursor) > MAX_CURSOR_CHARACTERS:
            raise BadCursorError
        try:
            raw = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            if len(raw) <= _NONCE_BYTES:
                raise BadCursorError
            return _DECODER.decode(self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], _associated(of)))
        except (UnicodeEncodeError, binascii.Error, InvalidTag, msgspec.MsgspecError) as error:
            raise BadCursorError from error


def _associated(of: tuple[str, ...]) -> bytes:
    return "\0".join(of).encode()
