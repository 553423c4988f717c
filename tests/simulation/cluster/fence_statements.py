"""Requests of the fence as the adapter's statements; without its guard, where a run takes a rule away."""

from __future__ import annotations

from kinelog.cassandra_session.connection import Access, Conditional, Row, Statement
from kinelog.journal.cassandra.requests import Append, OpenBucket, ReadBucket, ReadRow, Reply, Request
from kinelog.journal.cassandra.statements import Bound, bound, reply_of_read

_GUARD = "IF epoch = ? AND head = ?"


def statement_of(request: Request) -> Bound:
    """What is sent."""
    statement, values = bound(request)
    if isinstance(request, OpenBucket) and not request.if_absent:
        return Statement(statement.cql.replace(" IF NOT EXISTS", ""), Access.WRITE), values
    if isinstance(request, Append) and request.expected_epoch is None:
        *others, _, head = values
        return Statement(statement.cql.replace(_GUARD, "IF head = ?"), Access.CONDITIONAL), (*others, head)
    return statement, values


def reply_of(request: Request, answer: Conditional | list[Row]) -> Reply:
    """What the procedure is sent for what the cluster answered."""
    if isinstance(answer, Conditional):
        return answer.applied
    return reply_of_read(request, answer) if isinstance(request, ReadBucket | ReadRow) else True
