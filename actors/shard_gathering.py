"""How a shard's machine waits a moment between two commits, where the journal says that this is worth it."""

from __future__ import annotations

from kinelog.actors import effects, messages
from kinelog.actors.phase import Phase
from kinelog.actors.shard_ownership import ShardOwnership


class ShardGathering(ShardOwnership):
    """The wait; see `Gathering` for whether and how long. What comes meanwhile is taken in and not decided."""

    def _gather(self, answered: int) -> None:
        wait_ms = self._gathering.after_commit(answered, len(self._queue), self._now_ms - self._sent_ms)
        if wait_ms:
            self.phase = Phase.GATHERING
            self._gather_number += 1
            self._effects.append(effects.Gather(self._gather_number, wait_ms))

    def _on_gathered(self, message: messages.Gathered) -> None:
        if self.phase is Phase.GATHERING and message.number == self._gather_number:
            self._gathered(learn=message.waited)

    def _gathered(self, *, learn: bool = True) -> None:
        if learn:
            self._gathering.ended(len(self._queue))
        self.phase = Phase.READY
