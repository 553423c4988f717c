"""The traces of a shard's commits: each commit one of its own, named by the commit id, linked to whom it answers.

Nothing here does anything in a process that does not trace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextvars import copy_context

from kinelog.actors import effects
from kinelog.actors.answers import Answer
from kinelog.actors.asyncio_bridge import Awaited
from kinelog.actors.tickets import LoopTicket
from kinelog.journal.errors import JournalError
from kinelog.observability import tracing
from kinelog.observability.tracing import Attributes

Ended = Callable[[int | JournalError], None]


class TracedWait:
    """Whoever waits for an answer, where their request is traced: its span hears which commit answers it.

    Attributes:
        trace: `traceparent` of the request.
        commit_id: Of the commit, as soon as there is one.
    """

    __slots__ = ("_awaited", "_context", "commit_id", "trace")

    def __init__(self, awaited: Awaited, trace: str) -> None:
        """Call in the context of the request."""
        self._awaited = awaited
        self._context = copy_context()
        self.trace = trace
        self.commit_id = b""

    def done(self) -> bool:
        """Whether nobody waits any more."""
        return self._awaited.done()

    def set_result(self, answer: Answer, /) -> None:
        """Name the commit, and pass the answer on."""
        tracer = tracing.active()
        if tracer is not None and self.commit_id:
            self._context.run(tracer.answered_by, self.commit_id)
        self._awaited.set_result(answer)


class TracedTickets:
    """Which of the commands that a shard has not answered belong to traced requests. For the shard's thread."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        """Start with none."""
        self._waiting: set[object] = set()

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._waiting)

    def taken(self, tickets: Iterable[object]) -> None:
        """Commands came in."""
        if tracing.active() is not None:
            self._waiting.update(ticket for ticket in tickets if _wait_of(ticket) is not None)

    def answered(self, tickets: Iterable[tuple[object, object]]) -> None:
        """Commands were answered."""
        if self._waiting:
            self._waiting.difference_update(ticket for ticket, _ in tickets)

    def commit_id(self, random: bytes) -> bytes:
        """An id for the next commit: one whose trace is kept, if somebody waits whose request is traced."""
        tracer = tracing.active()
        return random if tracer is None or not self._waiting else tracer.commit_id(random)


def traced(shard: int, effect: effects.Commit, ended: Ended) -> Ended:
    """What to call when a commit ended that begins now: `ended`, and its span ends too."""
    tracer = tracing.active()
    if tracer is None:
        return ended
    waits = [wait for command in effect.commands if (wait := _wait_of(command.ticket)) is not None]
    attributes: Attributes = {
        "kinelog.shard": shard, "kinelog.epoch": effect.epoch, "kinelog.first_position": effect.after + 1,
        "kinelog.events": len(effect.events), "kinelog.commands": len(effect.commands),
    }  # fmt: skip
    span = tracer.commit(effect.commit_id, (wait.trace for wait in waits), attributes)
    if span is None:
        return ended
    for wait in waits:
        wait.commit_id = effect.commit_id

    def ended_traced(outcome: int | JournalError) -> None:
        if isinstance(outcome, JournalError):
            span.failed(type(outcome).__name__)
        span.end()
        ended(outcome)

    return ended_traced


def _wait_of(ticket: object) -> TracedWait | None:
    if isinstance(ticket, LoopTicket) and isinstance(ticket.awaited, TracedWait):
        return ticket.awaited
    return None
