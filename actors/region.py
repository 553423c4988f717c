"""The region: hands commands to the shard that owns the person, and runs the shards of this process."""

from __future__ import annotations

from collections.abc import Callable

from kinelog.actors.answers import Answer
from kinelog.domain.commands import Command
from kinelog.domain.identifiers import Person


class Region:
    """All shards of this process (issue: one process owns all of them)."""

    def start(self) -> None:
        """Acquire the shards (in the background, those with waiting commands first) and start their actors."""
        raise NotImplementedError

    def submit(self, person: Person, command: Command, reply: Callable[[Answer], None]) -> None:
        """Put a command in the owner's bounded mailbox; `reply` is called once, on the shard's thread.

        Raises:
            MailboxFullError: 429.
            StoppingError: 503.
        """
        raise NotImplementedError

    async def ask(self, person: Person, command: Command) -> Answer:
        """Submit from an event loop and wait for the answer without blocking it.

        All answers of one drain wake the loop once.

        Raises:
            MailboxFullError: 429.
            StoppingError: 503.
        """
        raise NotImplementedError

    def ready(self) -> bool:
        """Whether every shard is acquired and answering."""
        raise NotImplementedError

    def stop(self, timeout_s: float = 8.0) -> None:
        """Stop accepting, finish what is in the mailboxes, save snapshots, stop the actors."""
        raise NotImplementedError
