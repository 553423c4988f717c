"""One connection between two nodes, the part both ends have in common: handshake, frames, batches, liveness.

What is said in one turn of the event loop leaves in one batch and one system call. There is no task a message.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar, cast

from kinelog.routing.batches import encode_batch
from kinelog.routing.errors import BrokenError, ChannelError, TooLargeError
from kinelog.routing.frames import FrameReader, FrameWriter, open_frame
from kinelog.routing.handshake import Established
from kinelog.routing.settings import ChannelSettings
from typing_extensions import override

_LOG = logging.getLogger(__name__)

MOST_AT_ONCE = 512
"""Messages in one batch; what their bytes are is only known when they are encoded."""

M = TypeVar("M")


class Connection(asyncio.Protocol, ABC, Generic[M]):
    """Says messages of type `M`; all methods on the event loop."""

    def __init__(self, settings: ChannelSettings, says_at_most: int, hears_at_most: int) -> None:
        """Not connected yet.

        Args:
            settings: Bounds.
            says_at_most: Bytes of a payload that goes out.
            hears_at_most: Bytes of a payload that comes in.
        """
        self.settings = settings
        self.loop = asyncio.get_running_loop()
        self.peer: str | None = None
        self.whence = ""
        self.closed = False
        self.outbox: list[M] = []
        self._says_at_most = says_at_most
        self._hears_at_most = hears_at_most
        self._reader = FrameReader()
        self._writer: FrameWriter | None = None
        self._transport: asyncio.Transport | None = None
        self._flushing = False
        self.congested = False
        self._heard = False
        self._silent_ticks = 0
        self._timer: asyncio.TimerHandle | None = None

    # ── what the two ends do differently ─────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def shake(self, payload: bytes) -> None:
        """Take a payload of the handshake; `established` ends it.

        Raises:
            HandshakeError: It fails.
        """

    @abstractmethod
    def take(self, payload: bytes) -> None:
        """Take a batch.

        Raises:
            MessageError: It is none.
        """

    @abstractmethod
    def leaving(self, messages: list[M]) -> list[M]:
        """Those of the messages that are to be sent; they are held to have left from here on."""

    @abstractmethod
    def oversized(self, message: M, error: TooLargeError) -> None:
        """A message cannot be sent: it is too large alone."""

    @abstractmethod
    def lost(self, error: ChannelError) -> None:
        """The connection is over; called once."""

    @abstractmethod
    def tick(self) -> None:
        """About once a `ping_s` while the connection is up."""

    # ── out ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def say(self, message: M) -> None:
        """Send a message at the end of this turn of the event loop, or as soon as the network takes it."""
        self.outbox.append(message)
        if not self._flushing:
            self._flushing = True
            self.loop.call_soon(self._flush)

    def open_send(self, payload: bytes) -> None:
        """Send a payload of the handshake."""
        if self._transport is not None:
            self._transport.write(open_frame(payload))

    def established(self, both: Established) -> None:
        """The handshake is over: messages may flow."""
        self._disarm()
        self.peer = both.peer
        self._reader.sealed_with(both.reads_with, self._hears_at_most)
        self._writer = FrameWriter(both.writes_with, self._says_at_most)
        self._timer = self.loop.call_later(self.settings.ping_s, self._tick)
        if self.outbox:
            self._flush()

    def end(self, error: ChannelError) -> None:
        """Close the connection for this reason; what is on its way out is still sent."""
        if self.closed:
            return
        self.closed = True
        self._disarm()
        if self._transport is not None:
            if isinstance(error, BrokenError):
                self._transport.abort()
            else:
                self._transport.close()
                # What is on its way out may never be taken: a side that reads nothing must not keep the socket open.
                self.loop.call_later(self.settings.handshake_s, self._transport.abort)
        self.lost(error)
        self.outbox.clear()

    @property
    def waiting_bytes(self) -> int:
        """What the network has not taken yet."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def _flush(self) -> None:
        self._flushing = False
        if self._writer is None or self.congested or self.closed:
            return  # sent when the handshake is over, when the network takes more, or never
        outbox, self.outbox = self.outbox, []
        messages = self.leaving(outbox)
        frames: list[bytes] = []
        for first in range(0, len(messages), MOST_AT_ONCE):
            self._encode(messages[first : first + MOST_AT_ONCE], frames)
        if frames and self._transport is not None:
            self._transport.write(frames[0] if len(frames) == 1 else b"".join(frames))

    def _encode(self, messages: Sequence[M], frames: list[bytes]) -> None:
        payload = encode_batch(messages)
        if self._writer is None:
            return
        if len(payload) > self.settings.batch_bytes and len(messages) > 1:
            half = len(messages) // 2
            self._encode(messages[:half], frames)
            self._encode(messages[half:], frames)
            return
        try:
            frames.append(self._writer.frame(payload))
        except TooLargeError as error:
            self.oversized(messages[0], error)

    # ── in ───────────────────────────────────────────────────────────────────────────────────────────────────────

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.arrived(cast("asyncio.Transport", transport))  # what streams are: asyncio declares less

    def arrived(self, transport: asyncio.Transport) -> None:
        """Somebody is there, on this transport from now on, and has so long to prove who it is."""
        self._transport = transport
        if self.closed:
            transport.abort()
            return
        self._disarm()
        address = transport.get_extra_info("peername")
        self.whence = f"{address[0]}:{address[1]}" if isinstance(address, tuple) else str(address)
        self._timer = self.loop.call_later(self.settings.handshake_s, self._too_slow)

    @override
    def data_received(self, data: bytes) -> None:
        self._heard = True
        try:
            self._reader.feed(data)
            while not self.closed and (payload := self._reader.next()) is not None:
                if self._writer is None:
                    self.shake(payload)
                else:
                    self.take(payload)
        except ChannelError as error:
            self.end(error)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.end(BrokenError("the connection ended" if exc is None else f"the connection broke: {exc}"))

    @override
    def pause_writing(self) -> None:
        self.congested = True

    @override
    def resume_writing(self) -> None:
        self.congested = False
        if self.outbox:
            self._flush()

    def hear_nothing(self) -> None:
        """Read no more until `hear_again`: whoever does not take answers is to ask nothing."""
        if self._transport is not None:
            self._transport.pause_reading()

    def hear_again(self) -> None:
        """Read again."""
        if self._transport is not None and not self.closed:
            self._transport.resume_reading()

    # ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _tick(self) -> None:
        # Turns of the clock are counted, not seconds: a process that was paused itself must not blame the other side.
        self._silent_ticks = 0 if self._heard else self._silent_ticks + 1
        self._heard = False
        if self._silent_ticks * self.settings.ping_s >= self.settings.silence_s:
            self.end(BrokenError(f"nothing came from {self.peer} for {self.settings.silence_s} s"))
            return
        self._timer = self.loop.call_later(self.settings.ping_s, self._tick)
        self.tick()

    def _too_slow(self) -> None:
        self.end(BrokenError(f"no handshake within {self.settings.handshake_s} s"))

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
