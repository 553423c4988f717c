"""One process that is alone with its journal: it is the only member, and owns everything."""

from __future__ import annotations

import math

import msgspec
from kinelog.actors.membership.port import Listener, Member, Membership, View
from kinelog.actors.membership.view_feed import ViewFeed
from typing_extensions import override


class SingleMembership(Membership):
    """A group of one. Its lease never ends before it is stopped."""

    def __init__(self, me: Member) -> None:
        """It joins when it is started."""
        self.me = me
        self._feed = ViewFeed()

    @override
    def start(self, listener: Listener) -> None:
        """Join; the listener has been told when this comes back."""
        self._feed.listen(listener)
        self._feed.publish([self.me], {}, joined=True)

    @override
    def view(self) -> View:
        """This process, alone."""
        return self._feed.view

    @override
    def lease_until_s(self) -> float:
        """For ever, or, before the start and after the stop, long ago."""
        return math.inf if self._feed.view.joined else -math.inf

    @override
    def set_draining(self, draining: bool) -> None:
        """Announce it; with nobody else there, this process keeps its shards all the same."""
        self.me = msgspec.structs.replace(self.me, draining=draining)
        if self._feed.view.joined:
            self._feed.publish([self.me], {}, joined=True)

    @override
    def stop(self) -> None:
        """Leave: nobody is left."""
        self._feed.publish([], {}, joined=False)
