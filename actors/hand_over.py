"""How a process asks another one to let go of a shard: a port, so that the moves know nothing of channels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from kinelog.actors.membership.port import Member


class HandOver(Protocol):
    """Asks other members."""

    def release(self, member: Member, shard: int, within_s: float, answered: Callable[[bool], None]) -> None:
        """Ask a member to let go of a shard in order.

        Args:
            member: Who is believed to serve it.
            shard: Which.
            within_s: How long that may take.
            answered: Called once, on any thread: True when the member said that nothing of the shard is under way there
                any more; False when it could not be asked, or did not say so in time.
        """
        ...


class NobodyElse:
    """For a process that is alone: there is nobody to be asked."""

    def release(self, member: Member, shard: int, within_s: float, answered: Callable[[bool], None]) -> None:  # noqa: ARG002 - the port's signature
        """Say at once that it could not be asked."""
        answered(False)  # noqa: FBT003 - the port's signature
