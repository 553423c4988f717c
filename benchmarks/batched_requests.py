"""Requests of many frames each, as from a phone that was out of reach for a while; sent like those of one frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import msgspec
from typing_extensions import override

from benchmarks.http_load import FrameStream, stamped

_ENCODER = msgspec.msgpack.Encoder()


@dataclass(slots=True)
class BatchStream(FrameStream):
    """One device's requests of `batch` frames; `sent` counts frames."""

    batch: int = 1

    @classmethod
    def behind(cls, stream: FrameStream, batch: int) -> Self:
        """Goes on where another stream stopped."""
        return cls(stream.session, stream.device, stream.token, stream.frames, stream.start_s, stream.sent, batch)

    @override
    def request(self, host: str) -> bytes:
        """The next frames as a whole HTTP request."""
        first, self.sent = self.sent, self.sent + self.batch
        frames = self.frames
        body = _ENCODER.encode(
            [
                (self.device, number, stamped(frames[number % len(frames)], self.start_s + number))
                for number in range(first, first + self.batch)
            ]
        )
        return (
            f"POST /v1/sessions/{self.session}/frames HTTP/1.1\r\nHost: {host}\r\n"
            f"Authorization: Bearer {self.token}\r\nContent-Type: application/msgpack\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body
