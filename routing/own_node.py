"""What the channel asks of its own node: the region behind it, and how the node is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from kinelog.actors.asyncio_bridge import Awaited
from kinelog.domain.commands import Command
from kinelog.domain.identifiers import Person
from kinelog.routing.answers import Reply
from kinelog.routing.node_status import NodeStatus
from kinelog.routing.questions import Ask


class OwnRegion(Protocol):
    """The shards of this process, as `actors.region.Region` serves them."""

    def ask_for(self, awaited: Awaited, person: Person, command: Command) -> None:
        """Put a command to its shard, from an event loop; the answer goes to `awaited` on that loop.

        Raises:
            MailboxFullError: Too much waits in front of the shard.
            NotOwnerError: The shard is not this process's.
            StoppingError: The process takes no more commands.
        """
        ...

    def ready(self) -> bool:
        """Whether every shard of this process is answered for."""
        ...


class OwnNode(Protocol):
    """What other nodes may ask of this one."""

    @property
    def name(self) -> str:
        """Of this node."""
        ...

    @property
    def region(self) -> OwnRegion:
        """Has commands decided."""
        ...

    def release(self, shard: int, done: Callable[[], None]) -> None:
        """Let a shard go in order; `done` is called on any thread when nothing of it is left, or it never was here."""
        ...

    def status(self) -> NodeStatus:
        """How the node is."""
        ...

    def drain(self) -> None:
        """Begin to let everything go."""
        ...

    def relay(self, question: Ask, holder: str | None) -> asyncio.Future[Reply] | None:
        """Pass a question on that came to the wrong node, where that is allowed and of use; None where not.

        Raises:
            MailboxFullError: Too much is on its way to that node.
        """
        ...

    def speaks_for_its_shards(self) -> bool:
        """Whether nobody else can have been told that this node is gone; past that it acknowledges nothing."""
        ...
