"""Tickets: whom to answer, and how a whole drain's answers are handed over."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from kinelog.actors.answers import Answer, Unavailable
from kinelog.actors.lease import Lease, without_end
from kinelog.domain.commands import Command, RecordFrames

if TYPE_CHECKING:
    from kinelog.actors.asyncio_bridge import Awaited, LoopBridge

_LOG = logging.getLogger(__name__)

UNENDING = Lease(without_end)

COMMAND_BYTES = 256
"""What a command without frames is counted as."""


def size_of(command: Command) -> int:
    """What a command counts against the mailbox's bound, in bytes."""
    if isinstance(command, RecordFrames):
        size = COMMAND_BYTES
        for frame in command.frames:
            size += len(frame.data)
        return size
    return COMMAND_BYTES


class CallbackTicket:
    """A function to call on the shard's thread."""

    __slots__ = ("reply", "size")

    def __init__(self, reply: Callable[[Answer], None], size: int) -> None:
        self.reply = reply
        self.size = size


class LoopTicket:
    """Somebody who waits on an event loop."""

    __slots__ = ("awaited", "bridge", "size")

    def __init__(self, bridge: LoopBridge, awaited: Awaited, size: int) -> None:
        self.bridge = bridge
        self.awaited = awaited
        self.size = size


Ticket = CallbackTicket | LoopTicket


class Outbox:
    """Answers on their way; those of one event loop leave together, so that it wakes once. For one thread."""

    __slots__ = ("_bridges", "_lease")

    def __init__(self, lease: Lease) -> None:
        """Let nothing leave past the lease."""
        self._bridges: set[LoopBridge] = set()
        self._lease = lease

    def add(self, answers: Iterable[tuple[Ticket, Answer]]) -> None:
        """Answer each ticket; event loops hear of it at the next `send`."""
        by_loop: dict[LoopBridge, list[tuple[Awaited, Answer]]] = {}
        for ticket, answer in answers:
            if isinstance(ticket, LoopTicket):
                by_loop.setdefault(ticket.bridge, []).append((ticket.awaited, answer))
                continue
            ((_, allowed),) = self._lease.allowed([(ticket, answer)])
            try:
                ticket.reply(allowed)
            except Exception:  # noqa: BLE001 - somebody else's code
                # The callback is somebody else's code; the others in this drain must hear their answers all the same.
                _LOG.exception("a reply callback raised")
        for bridge, batch in by_loop.items():
            bridge.add(batch)
            self._bridges.add(bridge)

    def send(self) -> None:
        """Wake the event loops that have answers."""
        bridges, self._bridges = self._bridges, set()
        for bridge in bridges:
            bridge.wake()


def deliver(answers: Iterable[tuple[Ticket, Unavailable]]) -> None:
    """Tell each that nothing is acknowledged, now; that may be said past any lease."""
    outbox = Outbox(UNENDING)
    outbox.add(answers)
    outbox.send()
