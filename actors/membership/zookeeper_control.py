"""An operator's hold on a group in ZooKeeper."""

from __future__ import annotations

import threading
import time

from kinelog.actors.membership.control import ClusterControl
from kinelog.actors.membership.errors import (
    CoordinatorAddressError,
    CoordinatorAwayError,
    EntryExistsError,
    NoSuchEntryError,
)
from kinelog.actors.membership.port import NAME, View
from kinelog.actors.membership.zookeeper_layout import MOST_SHARDS, EntryReader, GroupPaths, ZooKeeperAddress
from kinelog.actors.membership.zookeeper_session import ZooKeeperSession
from typing_extensions import override

SESSION_S = 10.0
WITHIN_S = 10.0
"""For the first answer."""


class ZooKeeperControl(ClusterControl):
    """Reads and writes what members of a group watch."""

    def __init__(
        self, address: ZooKeeperAddress, group: str, *, secret: str | None = None, within_s: float | None = None
    ) -> None:
        """Connect.

        Raises:
            CoordinatorAwayError: No server answered within that time.
            CoordinatorAddressError: The group's name is none.
        """
        self._paths = GroupPaths(address.root, group)
        self._reader = EntryReader()
        self._numbers = 0
        woken = threading.Event()
        self._session = ZooKeeperSession(address, SESSION_S, secret, woken.set)
        self._session.open()
        within_s = WITHIN_S if within_s is None else within_s
        deadline = time.monotonic() + within_s
        while True:
            woken.clear()
            if self._session.connected:
                return
            if not woken.wait(max(0.0, deadline - time.monotonic())):
                self._session.close()
                raise CoordinatorAwayError(f"no ZooKeeper answers at {', '.join(address.hosts)} within {within_s:g} s")

    @override
    def view(self) -> View:
        """Who takes part now."""
        return self._view(self._paths)

    @override
    def view_of(self, group: str) -> View:
        """Who takes part in another group now."""
        return self._view(GroupPaths(self._paths.root, group))

    def _view(self, paths: GroupPaths) -> View:
        session = self._session
        entries = session.entries(paths.members, session.children(paths.members, watched=False), watched=False)
        pins = session.entries(paths.pins, session.children(paths.pins, watched=False), watched=False)
        members = self._reader.members(entries, session.children(paths.drained, watched=False))
        self._numbers += 1
        ordered = tuple(sorted(members, key=lambda member: member.name))
        return View(number=self._numbers, members=ordered, pins=self._reader.pins(pins), joined=False)

    @override
    def drained(self) -> frozenset[str]:
        """Names of the drained nodes."""
        return frozenset(self._session.children(self._paths.drained, watched=False))

    @override
    def drain(self, name: str) -> None:
        """Write that down, for good."""
        self._put(self._paths.drained, _checked(name), b"")

    @override
    def undrain(self, name: str) -> None:
        """Remove what `drain` wrote."""
        self._session.delete(f"{self._paths.drained}/{_checked(name)}")

    @override
    def pin(self, shard: int, name: str) -> None:
        """Write that down, for good."""
        self._put(self._paths.pins, _numbered(shard), _checked(name).encode())

    @override
    def unpin(self, shard: int) -> None:
        """Remove what `pin` wrote."""
        self._session.delete(f"{self._paths.pins}/{_numbered(shard)}")

    @override
    def close(self) -> None:
        """End the session."""
        self._session.close()

    def _put(self, folder: str, name: str, data: bytes) -> None:
        self._session.make_folder(folder)
        while True:
            try:
                self._session.create(f"{folder}/{name}", data, ephemeral=False)
            except EntryExistsError:
                if self._overwritten(folder, name, data):
                    return
            else:
                return

    def _overwritten(self, folder: str, name: str, data: bytes) -> bool:
        """Whether it was still there, as it was read, to be written over."""
        try:
            for entry in self._session.entries(folder, [name], watched=False):
                if entry.data != data:
                    self._session.write(f"{folder}/{name}", data, entry.version)
                return True
        except NoSuchEntryError:  # somebody else changed it meanwhile
            return False
        return False


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise CoordinatorAddressError(f"{name!r} is no name of a node: letters, digits, dots and dashes, 63 at most")
    return name


def _numbered(shard: int) -> str:
    if not 0 <= shard < MOST_SHARDS:
        raise CoordinatorAddressError(f"{shard} is no number of a shard")
    return str(shard)
