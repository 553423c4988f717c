"""The traces of a shard's commits: each commit one of its own, named by the commit id, linked to whom it answers.

Nothing here does anything in a process that does not trace.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable, Iterable

from kinelog.actors import effects
from kinelog.actors.answers import Answer
from kinelog.actors.messages import Pending
from kinelog.actors.tickets import LoopTicket, Ticket
from kinelog.journal.errors import JournalError
from kinelog.observability import tracing

Ended = Callable[[int | JournalError], None]


class TracedTickets:
    """Which of the commands that a shard has not answered belong to traced requests. For the shard's thread."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        """Start with none."""
        self._waiting: set[LoopTicket] = set()

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._waiting)

    def taken(self, tickets: Iterable[object]) -> None:
        """Commands came in."""
        if tracing.active() is not None:
            self._waiting.update(t for t in tickets if isinstance(t, LoopTicket) and t.trace is not None)

    def answered(self, tickets: Iterable[tuple[Ticket, object]]) -> None:
        """Commands were answered."""
        if self._waiting:
            self._waiting.difference_update(ticket for ticket, _ in tickets if isinstance(ticket, LoopTicket))

    def commit_id(self, random: bytes) -> bytes:
        """An id for the next commit: one whose trace is kept, if somebody waits whose request is traced."""
        tracer = tracing.active()
        return random if tracer is None or not self._waiting else tracer.commit_id(random)


def traced(shard: int, effect: effects.Commit, ended: Ended) -> Ended:
    """What to call when a commit ended that begins now: `ended`, and its span ends too."""
    tracer = tracing.active()
    if tracer is None:
        return ended
    tickets = _tickets(effect.commands)
    attributes = {
        "kinelog.shard": shard, "kinelog.epoch": effect.epoch, "kinelog.first_position": effect.after + 1,
        "kinelog.events": len(effect.events), "kinelog.commands": len(effect.commands),
    }  # fmt: skip
    span = tracer.commit(effect.commit_id, (ticket.trace for ticket in tickets if ticket.trace), attributes)
    if span is None:
        return ended
    for ticket in tickets:
        ticket.commit_id = effect.commit_id

    def ended_traced(outcome: int | JournalError) -> None:
        if isinstance(outcome, JournalError):
            span.failed(type(outcome).__name__)
        span.end()
        ended(outcome)

    return ended_traced


def answered(ticket: LoopTicket, _answer: Future[Answer]) -> None:
    """A traced request got its answer: its span, in whose context this is called, names the commit."""
    tracer = tracing.active()
    if tracer is not None and ticket.commit_id:
        tracer.answered_by(ticket.commit_id)


def _tickets(commands: Iterable[Pending]) -> list[LoopTicket]:
    return [c.ticket for c in commands if isinstance(c.ticket, LoopTicket) and c.ticket.trace is not None]
