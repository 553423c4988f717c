"""Whom the interface asks: the region of this process, or a router that knows whose region it is."""

from __future__ import annotations

from typing import Protocol

from kinelog.actors.answers import Answer
from kinelog.domain.commands import Command
from kinelog.domain.identifiers import Person


class Asks(Protocol):
    """Has commands decided, wherever their person's shard lives."""

    async def ask(self, person: Person, command: Command) -> Answer:
        """Have a command decided and committed, and wait for the answer without blocking the event loop.

        Raises:
            MailboxFullError: Too much waits in front of the shard (429).
            NotOwnerError: Another process owns the shard; only a region says so, never a router.
            StoppingError: This process takes no more commands (503).
        """
        ...

    def ready(self) -> bool:
        """Whether commands are answered now."""
        ...
