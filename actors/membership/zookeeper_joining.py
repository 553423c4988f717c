"""Entering a group in ZooKeeper: one after the other, so that each chooses its salt knowing the others'."""

from __future__ import annotations

import time
from typing import Final

from kinelog.actors.membership.errors import EntryExistsError
from kinelog.actors.membership.placement import with_best_salt
from kinelog.actors.membership.port import Member
from kinelog.actors.membership.zookeeper_layout import Entry, EntryReader, GroupPaths, member_of, written
from kinelog.actors.membership.zookeeper_session import ZooKeeperSession

LONGEST_WAIT_S: Final = 1.0
"""For one's turn. Who dies in its turn keeps it until its session expires; going in without one only costs evenness."""


class Entrance:
    """Where members enter. For one thread."""

    def __init__(self, session: ZooKeeperSession, paths: GroupPaths, reader: EntryReader, shards: int) -> None:
        """Nobody waits yet.

        Args:
            session: What everything is asked in.
            paths: Of the group.
            reader: Reads entries.
            shards: How many the group shares; 0 leaves salts alone, and nobody waits.
        """
        self._session = session
        self._paths = paths
        self._reader = reader
        self._shards = shards
        self._waits_since_s: float | None = None

    def enter(self, me: Member) -> tuple[Member, float] | None:
        """Make the member's entry.

        Returns:
            The member with its salt, and when the entry was asked for (`time.monotonic()`). None: it is another's turn,
            try again in a moment.

        Raises:
            CoordinatorAwayError: No answer came; whatever was done is found again, or goes with the session.
            NotPermittedError: The secret is another one.
            BadEntryError: Somebody else wrote where ours belongs.
        """
        for folder in (self._paths.members, self._paths.drained, self._paths.pins):
            self._session.make_folder(folder)
        has_turn = self._takes_its_turn()
        if not has_turn and self._waits():
            return None
        try:
            return self._entered(me)
        finally:
            self._waits_since_s = None
            if has_turn and self._session.connected:  # else it goes with the session, and others wait a moment
                self._session.delete(self._paths.turn)

    def _takes_its_turn(self) -> bool:
        if not self._shards:
            return False
        try:
            self._session.create(self._paths.turn, b"", ephemeral=True)
        except EntryExistsError:
            return any(entry.session == self._session.number for entry in self._turns())
        return True

    def _turns(self) -> list[Entry]:
        folder, _, name = self._paths.turn.rpartition("/")
        return self._session.entries(folder, [name], watched=False)

    def _waits(self) -> bool:
        if not self._shards:
            return False
        now = time.monotonic()
        if self._waits_since_s is None:
            self._waits_since_s = now
        return now < self._waits_since_s + LONGEST_WAIT_S

    def _entered(self, me: Member) -> tuple[Member, float]:
        if self._shards:
            names = self._session.children(self._paths.members, watched=False)
            entries = self._session.entries(self._paths.members, names, watched=False)
            drained = self._session.children(self._paths.drained, watched=False)
            me = with_best_salt(self._shards, me, self._reader.members(entries, drained))
        path, sent = self._paths.member(me), time.monotonic()
        try:
            self._session.create(path, written(me), ephemeral=True)
        except EntryExistsError:  # the answer to an earlier attempt came too late; its salt may be another one
            for entry in self._session.entries(self._paths.members, [path.rpartition("/")[2]], watched=False):
                me = member_of(entry)
        return me, sent
