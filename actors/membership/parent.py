"""Membership of a child process in the group that its parent coordinates (`parent_group`)."""

from __future__ import annotations

import logging
import math
import secrets
import selectors
import socket
import threading
import time

import msgspec
from kinelog.actors.membership.parent_messages import ParentGoneError, Present, Roster, receive, send
from kinelog.actors.membership.port import Listener, Member, Membership, View
from kinelog.actors.membership.view_feed import ViewFeed
from typing_extensions import override

_LOG = logging.getLogger(__name__)

BEATS_A_SESSION = 5
"""Announcements in a session's time: some may be late without anybody being out."""


class ParentMembership(Membership):
    """Announces this process to its parent again and again, and hears from it who is there.

    One thread does everything. It gives a life up before anything else when its lease has run out: the parent may have
    told the others already, whatever it said before.
    """

    def __init__(self, end: socket.socket, me: Member, session_s: float) -> None:
        """Take part through a channel.

        Args:
            end: This child's end of the pair; closed by `stop`.
            me: Announced; its name must be the one that the parent invited.
            session_s: The parent's.
        """
        self.me = me
        self._end = end
        self._end.settimeout(0)
        self._session_s = session_s
        self._counted_s = -math.inf
        self._feed = ViewFeed()
        # Held for every change of `me` and `_counted_s`, and while announcing, so that lives are announced in their
        # order; never while the listener runs, which may ask for any of them.
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kinelog-membership", daemon=True)

    @override
    def start(self, listener: Listener) -> None:
        self._feed.listen(listener)
        self._thread.start()

    @override
    def view(self) -> View:
        return self._feed.view

    @override
    def lease_until_s(self) -> float:
        # One read of a pair would be needed for both; the stamp alone is enough, since it is -inf when not joined.
        return self._counted_s + self._session_s

    @override
    def set_draining(self, draining: bool) -> None:
        with self._lock:
            self.me = msgspec.structs.replace(self.me, draining=draining)
        self._announce()

    @override
    def stop(self) -> None:
        if self._over.is_set():
            return
        self._over.set()
        with self._lock:
            self._counted_s = -math.inf
        # The parent reads the end of file, and tells the others; our own thread wakes by it too.
        self._end.shutdown(socket.SHUT_RDWR)
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()
        self._end.close()
        self._feed.not_joined()

    def _run(self) -> None:
        pause_s = self._session_s / BEATS_A_SESSION
        with selectors.DefaultSelector() as selector:
            selector.register(self._end, selectors.EVENT_READ)
            due_s = time.monotonic()
            while not self._over.is_set():
                # First, however many messages wait: they may be from before a pause of this process.
                if self._feed.view.joined and time.monotonic() >= self.lease_until_s():
                    self._give_up("nothing was heard from the parent for a session")
                if time.monotonic() >= due_s:
                    self._announce()
                    due_s = time.monotonic() + pause_s
                if selector.select(max(0.0, due_s - time.monotonic())) and not self._listen():
                    return

    def _listen(self) -> bool:
        """Take one message; whether there will be more."""
        try:
            roster = receive(self._end, Roster)
        except ParentGoneError:
            if not self._over.is_set():
                _LOG.warning("the parent process is gone")
            with self._lock:
                self._counted_s = -math.inf
            self._feed.not_joined()
            return False
        if roster is not None:
            self._heed(roster)
        return True

    def _heed(self, roster: Roster) -> None:
        if roster.life != self.me.life:
            # From before the parent heard of this life.
            return
        if all(member.life != roster.life for member in (*roster.members, *roster.workers)):
            self._give_up("the session had expired")
            return
        with self._lock:
            if not self._over.is_set():
                self._counted_s = max(self._counted_s, roster.counted_s)
        self._feed.publish(
            roster.members, roster.pins, joined=time.monotonic() < self.lease_until_s(),
            workers_read=min((worker.reads for worker in roster.workers), default=None),
        )  # fmt: skip

    def _give_up(self, why: str) -> None:
        """Own nothing from here on, then come back as somebody new."""
        _LOG.warning("node %s is out of the group: %s", self.me.name, why)
        with self._lock:
            self._counted_s = -math.inf
        self._feed.not_joined()
        with self._lock:
            self.me = msgspec.structs.replace(self.me, life=secrets.token_hex(8))
        self._announce()

    def _announce(self) -> None:
        # Stamped under the lock and before the send: the lease is counted from a moment at which we were there.
        with self._lock:
            if self._over.is_set():
                return
            try:
                send(self._end, Present(member=self.me, sent_s=time.monotonic()))
            except ParentGoneError:
                _LOG.debug("the parent process is gone; the end of file says so too")
