"""The traces of questions between nodes: the asker's span, and within it that of who was asked."""

from __future__ import annotations

from kinelog.observability import tracing
from kinelog.observability.tracing import Attributes, Span
from kinelog.routing.questions import Ask


def asking(owner: str, shard: int, attempt: int) -> Span | None:
    """The span of a question to another node; None where what it is asked for is not traced."""
    tracer = tracing.active()
    if tracer is None:
        return None
    attributes: Attributes = {"kinelog.owner": owner, "kinelog.shard": shard, "kinelog.attempt": attempt}
    return tracer.question("ask another node", attributes)


def asked(question: Ask, peer: str) -> Span | None:
    """The span of a question that came from another node; None where that node does not trace it."""
    tracer = tracing.active()
    if tracer is None or question.trace is None:
        return None
    attributes: Attributes = {"kinelog.asker": peer, "kinelog.hop": question.hops}
    return tracer.questioned("answer another node", question.trace, attributes)


def failed(span: Span | None, outcome: str) -> None:
    """A question that was asked could not be put to a shard here."""
    if span is not None:
        span.failed(outcome)
        span.end()
