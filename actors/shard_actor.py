"""The pykka actor of a shard: a thread that sleeps until there is mail, then runs the machine."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

import pykka
from kinelog.actors.effect_runner import EffectRunner
from kinelog.actors.mailbox import Mailbox
from typing_extensions import override

WAKE = object()
"""The only message that goes through pykka's own inbox, and never more than one at a time."""


class ShardActor(pykka.ThreadingActor):
    """A thin shell around the shard's machine."""

    # A shard that hangs in its store must not keep the process alive once the region has given it its time.
    use_daemon_thread = True

    def __init__(
        self,
        runner: EffectRunner,
        mailbox: Mailbox,
        looked: Callable[[], None],
        crashed: Callable[[BaseException | None], None],
    ) -> None:
        """Run `runner` on what comes into `mailbox`; call `looked` after each round, `crashed` after an exception."""
        super().__init__()
        self._runner = runner
        self._mailbox = mailbox
        self._looked = looked
        self._crashed = crashed

    @override
    def on_receive(self, message: object) -> None:
        while True:
            incoming, commands = self._mailbox.take()
            if not incoming and not commands:
                return
            self._runner.run(incoming, commands)
            self._looked()

    @override
    def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._crashed(exception_value)
