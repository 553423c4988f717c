"""A shard's own bounded mailbox, in front of pykka's, which has no bound."""

from __future__ import annotations

import threading
from collections.abc import Callable

from kinelog.actors.errors import ActorsError, MailboxFullError
from kinelog.actors.messages import Message, Pending


class Mailbox:
    """Commands and messages for one shard. Thread-safe.

    What is bounded is commands *taken and not answered yet*, wherever they wait: in here, for a recovery, in a commit.
    At most one wake-up is outstanding: a shard that is awake looks in here again before it sleeps.
    """

    def __init__(self, shard: int, commands: int, size: int) -> None:
        """Take at most so many unanswered commands, and at most so many bytes of them."""
        self._shard = shard
        self._commands_limit = commands
        self._bytes_limit = size
        self._lock = threading.Lock()
        self._commands: list[Pending] = []
        self._messages: list[Message] = []
        self._awake = False
        self._served_by: object | None = None
        self._refusal: Callable[[], ActorsError] | None = None
        self._unanswered = 0
        self._unanswered_bytes = 0

    @property
    def depth(self) -> int:
        """Commands taken and not answered yet."""
        return self._unanswered

    @property
    def waiting(self) -> bool:
        """Whether commands have come in that nobody has taken out."""
        return bool(self._commands)

    def put(self, pending: Pending, size: int) -> bool:
        """Take a command in; whether the shard must be woken for it.

        Raises:
            MailboxFullError: Too much is unanswered.
            ActorsError: The mailbox takes no commands; which one, who closed it said.
        """
        with self._lock:
            if self._refusal is not None:
                raise self._refusal()
            # One command is always let in, or one that is larger than the bound could never come in at all.
            full = self._unanswered_bytes + size > self._bytes_limit and self._unanswered > 0
            if full or self._unanswered >= self._commands_limit:
                raise MailboxFullError(self._shard, 1.0)
            self._unanswered += 1
            self._unanswered_bytes += size
            self._commands.append(pending)
            return self._wake()

    def post(self, message: Message, runner: object | None = None) -> bool:
        """Take a message in; whether the shard must be woken for it.

        Args:
            message: What happened.
            runner: Who asked for what this answers, or None for a message to whoever serves. An answer that comes when
                another one serves (the first crashed) says nothing to it, and is dropped.
        """
        with self._lock:
            if runner is not None and runner is not self._served_by:
                return False
            self._messages.append(message)
            return self._wake()

    def take(self, runner: object) -> tuple[list[Message], list[Pending]]:
        """Everything that came in. If that is nothing, the shard sleeps from here on, and the next to come wakes it.

        Nothing for a runner that serves no more: what lies here is its successor's.
        """
        with self._lock:
            if runner is not self._served_by:
                return [], []
            messages, self._messages = self._messages, []
            commands, self._commands = self._commands, []
            if not messages and not commands:
                self._awake = False
            return messages, commands

    def answered(self, count: int, size: int) -> None:
        """Make room: so many commands of so many bytes were answered."""
        with self._lock:
            self._unanswered -= count
            self._unanswered_bytes -= size

    def open(self, runner: object) -> bool:
        """`runner` serves from here on; whether it must be woken now."""
        with self._lock:
            self._served_by = runner
            self._awake = bool(self._messages or self._commands)
            return self._awake

    def refuse(self, refusal: Callable[[], ActorsError] | None) -> None:
        """Take no commands from here on, but raise this; None takes them again. What is in here stays."""
        with self._lock:
            self._refusal = refusal

    def close(self) -> list[Pending]:
        """Nobody serves any more: nobody is woken, messages are void, and the commands are handed back."""
        with self._lock:
            self._served_by = None
            self._awake = False
            self._messages = []
            commands, self._commands = self._commands, []
            return commands

    def _wake(self) -> bool:
        if self._awake or self._served_by is None:
            return False
        self._awake = True
        return True
