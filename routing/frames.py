"""Frames on a connection: length, seal, payload. Pure: no socket, no clock.

    4 bytes   length of what follows, big-endian
    16 bytes  HMAC-SHA256 over the frame's number and the payload, cut (none during the handshake)
    payload

The seal makes a frame that was changed, repeated, left out or moved to the other direction known. It hides nothing.
"""

from __future__ import annotations

import hmac
import struct

from kinelog.routing.errors import MessageError, TooLargeError

_LENGTH = struct.Struct(">I")
SEAL_BYTES = 16
HEADER_BYTES = _LENGTH.size + SEAL_BYTES
HANDSHAKE_BYTES = 1_024


def open_frame(payload: bytes) -> bytes:
    """A frame of the handshake, without a seal."""
    return _LENGTH.pack(len(payload)) + payload


class FrameWriter:
    """Seals payloads in order."""

    def __init__(self, key: bytes, limit: int) -> None:
        """With this direction's key, and at most so many bytes a payload."""
        self._key = key
        self._limit = limit
        self._number = 0

    def frame(self, payload: bytes) -> bytes:
        """A payload as it travels.

        Raises:
            TooLargeError: The other side takes no payload of this size; the frame's number is not used up.
        """
        if len(payload) > self._limit:
            message = f"{len(payload)} bytes in one message, at most {self._limit}"
            raise TooLargeError(message)
        seal = _seal(payload, self._key, self._number)
        self._number += 1
        return b"".join((_LENGTH.pack(len(payload) + SEAL_BYTES), seal, payload))


class FrameReader:
    """Cuts what arrives into payloads; holds at most one frame that is not complete, and what came with it."""

    def __init__(self) -> None:
        """For the handshake, whose frames are short and not sealed."""
        self._buffer = bytearray()
        self._limit = HANDSHAKE_BYTES
        self._key: bytes | None = None
        self._number = 0

    def sealed_with(self, key: bytes, limit: int) -> None:
        """From the next frame on: sealed with this key, at most so many bytes a payload."""
        self._key = key
        self._limit = limit + SEAL_BYTES

    def feed(self, data: bytes) -> None:
        """Take in what arrived."""
        self._buffer += data

    def next(self) -> bytes | None:
        """The next payload, or None while it is not complete.

        Raises:
            MessageError: The length is out of bounds (seen before anything of it is kept), or the seal is not right.
        """
        buffer = self._buffer
        if len(buffer) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(buffer)
        if length > self._limit:
            raise MessageError(f"a frame of {length} bytes, at most {self._limit} are taken")
        end = _LENGTH.size + length
        if len(buffer) < end:
            return None
        start = _LENGTH.size if self._key is None else HEADER_BYTES
        if end < start:
            raise MessageError("a frame too short for its seal")
        with memoryview(buffer) as whole:
            payload = bytes(whole[start:end])
            seal = bytes(whole[_LENGTH.size : start])
        if self._key is not None:
            if not hmac.compare_digest(seal, _seal(payload, self._key, self._number)):
                raise MessageError("a frame's seal is not right: it was changed, repeated or left out")
            self._number += 1
        del buffer[:end]
        return payload


def _seal(payload: bytes, key: bytes, number: int) -> bytes:
    return hmac.digest(key, number.to_bytes(8, "big") + payload, "sha256")[:SEAL_BYTES]
