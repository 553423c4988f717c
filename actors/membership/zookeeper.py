"""Membership by ZooKeeper: an ephemeral entry a process, watched by all.

One thread does everything: joins, sends heartbeats, reads who is there, tells the listener. `docs/membership.md` says
what lies where, and what the lease rests on.
"""

from __future__ import annotations

import logging
import math
import secrets
import threading
import time
from collections.abc import Sequence

import msgspec
from kinelog.actors.membership.errors import (
    MembershipError,
    NoSuchEntryError,
    NotPermittedError,
)
from kinelog.actors.membership.lease import Lease
from kinelog.actors.membership.port import Listener, Member, Membership, View
from kinelog.actors.membership.view_feed import ViewFeed
from kinelog.actors.membership.zookeeper_joining import Entrance
from kinelog.actors.membership.zookeeper_layout import Entry, EntryReader, GroupPaths, ZooKeeperAddress, written
from kinelog.actors.membership.zookeeper_session import ZooKeeperSession
from typing_extensions import override

log = logging.getLogger(__name__)
LOOK_AGAIN_S = 1.0
TRY_AGAIN_S = 0.05
LEAVE_S = 5.0
LIFE_BYTES = 8


class ZooKeeperMembership(Membership):
    """A member of a group whose members know each other by ZooKeeper."""

    def __init__(
        self,
        address: ZooKeeperAddress,
        group: str,
        me: Member,
        *,
        session_s: float,
        shards: int = 0,
        secret: str | None = None,
        workers: Sequence[str] = (),
    ) -> None:
        """It joins when it is started.

        Args:
            address: Where the servers are, and below which path everything lies.
            group: Whom it joins: `nodes` or `projections`.
            me: What to announce; life and salt are chosen anew for each session.
            session_s: How long the others may think that we are there, after we are not.
            shards: How many the group shares; 0 leaves the salt alone.
            secret: Given, only who has it can read or change what members write.
            workers: Other groups, whose members only read what members of this one write.

        Raises:
            CoordinatorAddressError: The group's name is none.
        """
        self.me = me
        self._group = group
        self._paths = GroupPaths(address.root, group)
        self._workers = tuple(GroupPaths(address.root, each).members for each in workers)
        self._session = ZooKeeperSession(address, session_s, secret, self._look)
        self._feed = ViewFeed()
        self._reader = EntryReader()
        self._entrance = Entrance(self._session, self._paths, self._reader, shards)
        self._lease: Lease | None = None
        self._losses = 0
        self._entry: str | None = None  # the path of ours, once it was made
        self._announced = me  # what stands there
        self._is_member = False  # there is one, and no elder life of our name
        self._waits_since_s: float | None = None  # for another life of our name to end
        self._stale = True
        self._stopping = False
        self._refused: MembershipError | None = None
        self._changing = threading.Lock()  # of `me`, which `set_draining` changes on other threads
        self._wake = threading.Event()
        self._settled = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"membership-{group}", daemon=True)

    @override
    def start(self, listener: Listener) -> None:
        """Join. Comes back when that is done, was refused, or takes longer than a session.

        Raises:
            NotPermittedError: The servers know another secret.
        """
        self._feed.listen(listener)
        self._session.open()
        self._thread.start()
        self._settled.wait(self._session.timeout_s)
        if self._refused is not None:
            self.stop()
            raise self._refused

    @override
    def view(self) -> View:
        """The newest view."""
        return self._feed.view

    @override
    def lease_until_s(self) -> float:
        """What `lease.py` says; long ago while we are no member."""
        lease = self._lease
        if lease is None or not self._is_member or self._session.losses != self._losses:
            return -math.inf
        return lease.until_s

    @override
    def set_draining(self, draining: bool) -> None:
        """Announce it, as soon as the servers can be told."""
        with self._changing:
            self.me = msgspec.structs.replace(self.me, draining=draining)
        self._look()

    @override
    def stop(self) -> None:
        """Leave. Waits for a moment at most where the servers are away: then the session has to expire."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(LEAVE_S)

    def _look(self) -> None:
        self._stale = True
        self._wake.set()

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._wake.clear()
                self._try_a_step()
                self._say_if_we_are_out()
                if self._feed.view.joined or self._refused is not None:
                    self._settled.set()
                self._wake.wait(self._pause_s())
        finally:  # a listener that fails ends it, too: nobody acts on what we hear any more
            self._leave()

    def _try_a_step(self) -> None:
        try:
            self._step()
        except NotPermittedError as error:
            if self._refused is None:
                log.error("cannot take part in the group %s: %s", self._group, error)  # noqa: TRY400 - said in words
            self._refused = error
        except MembershipError as error:
            self._stale = True
            log.debug("%s: %s", self._group, error)
        else:
            self._refused = None

    def _step(self) -> None:
        self._notice_a_lost_session()
        if not self._session.connected:
            return
        if self._lease is None:
            self._join()
        self._send_heartbeat()
        with self._changing:
            me = self.me
        if self._stale or me != self._announced:
            self._stale = False
            self._announce(me)
            self._read()

    def _notice_a_lost_session(self) -> None:
        losses = self._session.losses
        if losses == self._losses:
            return
        log.warning("the session with ZooKeeper is lost; %s joins the group %s anew", self.me.name, self._group)
        self._forget_the_entry()
        self._losses = losses

    def _forget_the_entry(self) -> None:
        if self._lease is not None:
            self._lease.end()
        self._lease = self._entry = self._waits_since_s = None
        self._is_member = False
        self._stale = True
        with self._changing:
            self.me = msgspec.structs.replace(self.me, life=secrets.token_hex(LIFE_BYTES))

    def _join(self) -> None:
        session, losses = self._session, self._losses
        lease = Lease(session.timeout_s, session.begun_s)
        for folder in self._workers:  # nothing can be watched where there is no folder
            session.make_folder(folder)
        entered = self._entrance.enter(self.me)
        if entered is None:
            return
        me, sent = entered
        lease.answered(sent, time.monotonic())
        if session.losses != losses:  # it is another session's, and found and removed by `_read`
            return
        with self._changing:
            self.me = msgspec.structs.replace(self.me, salt=me.salt)
        self._lease, self._entry, self._announced, self._stale = lease, self._paths.member(me), me, True

    def _send_heartbeat(self) -> None:
        lease, entry, sent = self._lease, self._entry, time.monotonic()
        if lease is None or entry is None or sent < lease.due_s:
            return
        try:
            self._session.prove(entry)
        except NoSuchEntryError:
            log.warning("somebody removed %s; it joins anew", entry)
            self._forget_the_entry()
            return
        lease.answered(sent, time.monotonic())
        if self._holds_a_lease() and not self._feed.view.joined:
            self._stale = True  # it had run out, and nothing else says that we are in again

    def _announce(self, me: Member) -> None:
        entry = self._entry
        if entry is None or me == self._announced or entry != self._paths.member(me):
            return
        [*found] = self._session.entries(self._paths.members, [entry.rpartition("/")[2]], watched=False)
        try:
            for mine in found:
                self._session.write(entry, written(me), mine.version)
                self._announced = me
        except NoSuchEntryError:
            self._stale = True  # the next heartbeat finds out why

    def _read(self) -> None:
        session, paths = self._session, self._paths
        drained = session.children(paths.drained, watched=True)
        pins = session.entries(paths.pins, session.children(paths.pins, watched=True), watched=True)
        entries = session.entries(paths.members, session.children(paths.members, watched=True), watched=True)
        mine = self._entry
        for entry in entries:
            path = f"{paths.members}/{entry.name}"
            if entry.session == session.number and path != mine and self._losses == session.losses:
                # Asked for in an earlier session, and done in this one.
                session.delete(path)
        workers_read = self._reader.oldest_form(self._entries_of_workers())
        members = self._reader.members(entries, drained)
        joined = mine is not None and any(paths.member(member) == mine for member in members)
        self._is_member = joined
        self._note_another_life(joined=joined)
        self._feed.publish(members, self._reader.pins(pins), joined=self._holds_a_lease(), workers_read=workers_read)

    def _entries_of_workers(self) -> list[Entry]:
        # Who comes and goes is watched, and not what entries say: a form that a process reads is one for its life.
        session = self._session
        return [
            entry
            for folder in self._workers
            for entry in session.entries(folder, session.children(folder, watched=True), watched=False)
        ]

    def _note_another_life(self, *, joined: bool) -> None:
        """Wait for an elder life of our name to end: a process that was killed has one until its session expires."""
        now = time.monotonic()
        if joined or self._entry is None:
            self._waits_since_s = None
        elif self._waits_since_s is None:
            self._waits_since_s = now
        elif now - self._waits_since_s > 2 * self._session.timeout_s:
            self._waits_since_s = now
            log.error(
                "another living process of the group %s is called %s: give each a name of its own (--node); "
                "this one takes part when that one has gone",
                self._group,
                self.me.name,
            )

    def _say_if_we_are_out(self) -> None:
        if not self._feed.view.joined:
            return
        if not self._holds_a_lease():
            self._feed.not_joined()

    def _holds_a_lease(self) -> bool:
        return self.lease_until_s() > time.monotonic()

    def _pause_s(self) -> float:
        now = time.monotonic()
        lease = self._lease
        if lease is None:
            return TRY_AGAIN_S if self._session.connected and self._refused is None else LOOK_AGAIN_S
        waits = [LOOK_AGAIN_S, lease.due_s - now]
        if self._feed.view.joined:
            waits.append(lease.until_s - now)
        return max(0.01, min(waits))

    def _leave(self) -> None:
        entry, self._lease = self._entry, None
        try:
            if entry is not None and self._session.connected:
                self._session.delete(entry)
        except MembershipError as error:
            log.info("left the group %s without saying so: %s", self._group, error)
        self._session.close()
        self._feed.not_joined()
