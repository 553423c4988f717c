"""The parent's side of a group of child processes: it is their coordinator.

One thread reads what the children say and tells each of them who is there. A child whose channel closes is out at once,
one that says nothing for a session is out too; it learns that when it speaks again, and comes back with a new life.
"""

from __future__ import annotations

import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from kinelog.actors.membership.errors import MembershipError
from kinelog.actors.membership.parent_messages import (
    MOST_CHILDREN,
    MOST_PINS,
    ParentGoneError,
    Present,
    pair,
    receive,
    send,
)
from kinelog.actors.membership.port import Member
from kinelog.actors.membership.roster import RosterBook

_LOG = logging.getLogger(__name__)

SILENT_SESSIONS = 10
"""A child that stands still for so long is of no use any more, and keeps the connections that were given to it."""

FORMING_S = 20.0
"""So long a start waits for all children at most: one that cannot start must not keep the others from serving."""


@dataclass(frozen=True, slots=True)
class _Channel:
    name: str
    end: socket.socket


class ParentGroup:
    """Coordinates the children of this process. Thread-safe."""

    def __init__(
        self, session_s: float, expected: int = 1, silent_for_good: Callable[[str], None] = lambda _name: None
    ) -> None:
        """Make a group of nobody.

        Args:
            session_s: How long a child may say nothing.
            expected: Children that a start waits for before anybody is told anything.
            silent_for_good: Called with the name of a child that has said nothing for `SILENT_SESSIONS`, on the group's
                thread, again and again until its channel is closed.
        """
        self._silent_for_good = silent_for_good
        self.session_s = session_s
        self._book = RosterBook(session_s, expected)
        self._form_at_s = time.monotonic() + FORMING_S
        self._lock = threading.Lock()
        self._selector = selectors.DefaultSelector()
        self._channels: dict[str, _Channel] = {}
        self._stopping = False
        # Interrupts the wait when another thread changed what is waited for.
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.settimeout(0)
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="kinelog-parent-group", daemon=True)

    def start(self) -> None:
        """Listen to the children."""
        self._thread.start()

    def invite(self, name: str, *, owns: bool = True) -> socket.socket:
        """A channel for a child that is about to start; the caller passes this end on, and closes it.

        An earlier child of that name is out: its channel is closed.

        Args:
            name: Of the child.
            owns: Whether it is to own shards; else it only reads the log, and is not counted among the children.

        Raises:
            MembershipError: There are too many already.
        """
        ours, theirs = pair()
        with self._lock:
            if self._drop(name):
                self._tell_everybody()
            if owns and len(self._channels.keys() - self._book.workers) >= MOST_CHILDREN:
                ours.close()
                theirs.close()
                raise MembershipError(f"a parent coordinates at most {MOST_CHILDREN} children")
            (self._book.workers.discard if owns else self._book.workers.add)(name)
            channel = self._channels[name] = _Channel(name, ours)
            self._selector.register(ours, selectors.EVENT_READ, channel)
        self._wake()
        return theirs

    def members(self) -> tuple[Member, ...]:
        """Who is there."""
        with self._lock:
            return self._book.members()

    def drain(self, name: str, *, drained: bool = True) -> None:
        """Let a child own nothing, or let it own its share again."""
        with self._lock:
            (self._book.drained.add if drained else self._book.drained.discard)(name)
            self._tell_everybody()

    def drain_everybody(self) -> None:
        """All of them are about to stop: told in one, so that nobody takes over from who stops a moment before it."""
        with self._lock:
            self._book.drained.update(self._channels)
            self._tell_everybody()

    def pin(self, shard: int, name: str | None) -> None:
        """Move a shard to a child, or back to where it belongs.

        Raises:
            MembershipError: There are too many moved ones for a message.
        """
        with self._lock:
            if name is None:
                self._book.pins.pop(shard, None)
            elif shard not in self._book.pins and len(self._book.pins) >= MOST_PINS:
                raise MembershipError(f"at most {MOST_PINS} shards can be moved by hand; move one back first")
            else:
                self._book.pins[shard] = name
            self._tell_everybody()

    def stop(self) -> None:
        """Close every channel: children that are still there find that they have no coordinator."""
        if self._stopping:
            return
        self._stopping = True
        self._wake()
        if self._thread.is_alive():
            self._thread.join()
        with self._lock:
            for name in tuple(self._channels):
                self._drop(name)
            self._selector.close()
            self._wake_read.close()
            self._wake_write.close()

    def _wake(self) -> None:
        self._wake_write.send(b"\0")

    def _run(self) -> None:
        while not self._stopping:
            ready = self._selector.select(self._pause_s())
            # Before anything is read: a parent that was paused itself must count what waited for it first.
            now_s = time.monotonic()
            with self._lock:
                changed = False
                for key, _ in ready:
                    if isinstance(key.data, _Channel):
                        changed |= self._read(key.data)
                    else:
                        self._wake_read.recv(4096)
                if now_s > self._form_at_s:
                    self._book.form()
                if self._book.expire(now_s) or changed:
                    self._tell_everybody()
                silent = self._book.silent(now_s - SILENT_SESSIONS * self.session_s)
            for name in silent:
                self._silent_for_good(name)

    def _pause_s(self) -> float:
        with self._lock:
            end_s = self._book.next_expiry_s()
        pause_s = self.session_s if end_s is None else end_s - time.monotonic()
        return min(max(pause_s, 0.0) + 0.001, self.session_s)

    def _read(self, channel: _Channel) -> bool:
        """Take everything that a child said; whether who is there changed."""
        if self._channels.get(channel.name) is not channel:
            return False
        changed = False
        try:
            while (message := receive(channel.end, Present)) is not None:
                changed |= self._book.present(channel.name, message, time.monotonic())
        except ParentGoneError:
            return self._drop(channel.name) or changed
        except MembershipError:
            _LOG.exception("child %s says what no child says; it is out", channel.name)
            return self._drop(channel.name) or changed
        if not changed:
            self._tell(channel)
        return changed

    def _tell_everybody(self) -> None:
        for channel in tuple(self._channels.values()):
            self._tell(channel)

    def _tell(self, channel: _Channel) -> None:
        roster = self._book.roster_for(channel.name)
        if roster is None:
            return
        try:
            # What a paused child's buffer does not take it is told when it speaks again.
            send(channel.end, roster)
        except ParentGoneError:
            # Its end of file is read by the loop, which drops it and tells the others.
            _LOG.debug("child %s is gone", channel.name)

    def _drop(self, name: str) -> bool:
        channel = self._channels.pop(name, None)
        if channel is None:
            return False
        self._selector.unregister(channel.end)
        channel.end.close()
        return self._book.gone(name)
