"""The newest view, and who is told of it: what every adapter of the port has in common."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping

import msgspec
from kinelog.actors.membership.port import Listener, Member, View


class ViewFeed:
    """Numbers views, leaves out those that say nothing new, and tells the listener of each, one at a time."""

    def __init__(self) -> None:
        """Nobody is there yet, and nobody listens."""
        self._telling = threading.RLock()
        self._listener: Listener | None = None
        self._view = View(number=0, members=(), joined=False)

    @property
    def view(self) -> View:
        """The newest."""
        return self._view

    def listen(self, listener: Listener) -> None:
        """Tell this one of every view from the next on."""
        self._listener = listener

    def publish(
        self, members: Iterable[Member], pins: Mapping[int, str], *, joined: bool, workers_read: int | None = None
    ) -> None:
        """Make a view of this, unless the newest says the same."""
        with self._telling:
            ordered = tuple(sorted(members, key=lambda member: (member.name, member.life)))
            old = self._view
            view = View(number=old.number, members=ordered, pins=dict(pins), joined=joined, workers_read=workers_read)
            if view == old:
                return
            view = msgspec.structs.replace(view, number=old.number + 1)
            self._view = view
            if self._listener is not None:
                self._listener(view)

    def not_joined(self) -> None:
        """Say that we are none of the members, which are as they were."""
        with self._telling:
            old = self._view
            self.publish(old.members, old.pins, joined=False, workers_read=old.workers_read)
