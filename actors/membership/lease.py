"""How long nobody else can have been told that we are gone, from what the coordinator's answers prove. Pure.

A server that expires sessions counts from when its *leader* last heard of a session. A client that talks to another
server is heard of there at once, and by the leader with that server's next answer to the leader's ping, two of which
fall into each tick; a session lasts for two ticks at least. So a heartbeat that was answered by a quorum proves two
things: the session existed then, and the leader had heard of what was asked a quarter of the session *before*. Hence:

    lease = when the heartbeat before the newest answered one was sent + the session's timeout - the margin

The margin is for clocks that run apart, and for a ping of a leader that was busy.
"""

from __future__ import annotations

import math

HEARTBEATS = 4
"""How many heartbeats fit into one session."""
MARGIN = 1 / 8
"""Of the session."""


class Lease:
    """The lease of one session. Made anew for the next; written by one thread, read by any."""

    def __init__(self, timeout_s: float, begun_s: float) -> None:
        """A session was just opened.

        Args:
            timeout_s: After how long the servers expire it; as they said, not as was asked.
            begun_s: `time.monotonic()` before it was asked for: they count from later on.
        """
        self.timeout_s = timeout_s
        self._sent_s = begun_s
        self._due_s = begun_s + timeout_s / HEARTBEATS
        self._until_s = begun_s + timeout_s * (1 - MARGIN)

    @property
    def until_s(self) -> float:
        """When it is over, by `time.monotonic()`."""
        return self._until_s

    @property
    def due_s(self) -> float:
        """When the next heartbeat is to be sent: not sooner, or it proves less."""
        return self._due_s

    def answered(self, sent_s: float, now_s: float) -> None:
        """A quorum has answered.

        Args:
            sent_s: Noted before the heartbeat was sent.
            now_s: Noted after it was answered.
        """
        if sent_s < self._due_s:  # so soon that the leader may not have heard of the one before
            return
        self._until_s = max(self._until_s, self._sent_s + self.timeout_s * (1 - MARGIN))
        self._sent_s = sent_s
        self._due_s = now_s + self.timeout_s / HEARTBEATS

    def end(self) -> None:
        """The session is over, whatever the clock says."""
        self._until_s = -math.inf
