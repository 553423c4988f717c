"""What the actors answer, as the interface sees it: what was committed, or the problem that stands in the way."""

from __future__ import annotations

import asyncio

from kinelog.actors.answers import Accepted, Answer, Erased, Refused, Unavailable
from kinelog.actors.asking import Asks
from kinelog.actors.errors import MailboxFullError, StoppingError
from kinelog.api.problem_catalogue import kind_of
from kinelog.api.problems import ProblemError, ProblemPart
from kinelog.domain.commands import Command
from kinelog.domain.errors import Rejection
from kinelog.domain.identifiers import Person

_DETAIL_OF_REASON = {
    "storage-full": "The storage is full; nothing was stored.",
    "fenced": "Another process has taken over; try again.",
    "moved": "Another process is taking over; try again.",
    "lost": "This process may not say whether it stored this; sending it again does no harm.",
    "outcome-unknown": "The store did not say whether it stored this; sending it again does no harm.",
    "store-unavailable": "The store does not answer; nothing was stored.",
    "stopping": "The service is stopping.",
    "recovery-failed": "The history could not be read right now.",
}


async def ask(region: Asks, person: Person, command: Command, within_s: float) -> Accepted:
    """Have a command decided and committed.

    A store in trouble may take long to say so: its time-outs, an attempt to own the shard again and the judgement of
    what was on its way add up. The caller is told to come back after `within_s`, and finds out by asking again.

    Raises:
        ProblemError: It was refused, or cannot be decided now (429, 503).
    """
    try:
        async with asyncio.timeout(within_s):
            answer = await region.ask(person, command)
    except TimeoutError:
        answer = Unavailable("outcome-unknown")
    except MailboxFullError as full:
        detail = "Too many commands are waiting; come back in a moment."
        raise ProblemError("busy", detail, retry_after_s=full.retry_after_s) from full
    except StoppingError as stopping:
        raise ProblemError("unavailable", _DETAIL_OF_REASON["stopping"], retry_after_s=1) from stopping
    if type(answer) is Accepted:
        # A refusal that is itself an event (a stolen refresh token revokes) comes as the reply of what was committed.
        if type(answer.reply) is Rejection:
            raise problem_of_rejection(answer.reply)
        return answer
    raise problem_of_answer(answer)


def problem_of_answer(answer: Answer) -> ProblemError:
    """The problem that an answer without a reply stands for."""
    if isinstance(answer, Refused):
        return problem_of_rejection(answer.rejection)
    if isinstance(answer, Erased):
        return ProblemError("user-erased", "Nothing of this person can be read or written any more.")
    if isinstance(answer, Accepted):
        raise TypeError("an accepted command is no problem")
    detail = _DETAIL_OF_REASON.get(answer.reason)
    return ProblemError("unavailable", detail, retry_after_s=answer.retry_after_s)


def problem_of_rejection(rejection: Rejection) -> ProblemError:
    """The problem that a rejection by the state machine stands for."""
    part = None if rejection.pointer is None else ProblemPart(rejection.detail, pointer=rejection.pointer)
    problem = ProblemError(rejection.code, rejection.detail, part=part, extra=rejection.extra)
    problem.kind = kind_of(rejection.code, retryable=rejection.retryable)
    problem.retry_after_s = 1.0 if problem.kind.retryable else None
    return problem
