"""Runs the procedures of the fence against a cluster, waiting for each answer or called back by it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from kinelog.cassandra_session.connection import Conditional, Connection, Row
from kinelog.cassandra_session.errors import CassandraError, RefusedStatementError, UnknownWriteError
from kinelog.journal import metrics
from kinelog.journal.cassandra.procedures import Steps
from kinelog.journal.cassandra.requests import OpenBucket, ReadBucket, ReadRow, Reply, Request
from kinelog.journal.cassandra.statements import bound, reply_of_read
from kinelog.journal.errors import JournalError, UnavailableError, UnknownOutcomeError

T = TypeVar("T")


class ProcedureRunner:
    """Thread-safe; keeps nothing of a procedure that has ended."""

    def __init__(self, connection: Connection) -> None:
        """Run against this cluster."""
        self._connection = connection

    def run(self, steps: Steps[T]) -> T:
        """Run a procedure to its end and wait.

        Raises:
            JournalError: What the procedure raises, or the cluster answered, as the journal says it.
        """
        try:
            request = next(steps)
            while True:
                request = self._step(steps, request)
        except StopIteration as done:
            return cast("T", done.value)
        except CassandraError as error:
            raise as_journal_error(error) from error

    def run_soon(self, steps: Steps[T], done: Callable[[T | JournalError], None]) -> None:
        """Run a procedure; `done` is called once, on the connection's thread for answers or before this returns."""
        _Run(self._connection, steps, done).go_on(None)

    def _step(self, steps: Steps[T], request: Request) -> Request:
        statement, values = bound(request)
        reply: Reply
        try:
            if isinstance(request, ReadBucket | ReadRow):
                reply = reply_of_read(request, self._connection.ask(statement, values))
            else:
                reply = _applied(request, self._connection.conditional(statement, values))
        except CassandraError as error:
            return steps.throw(error)
        return steps.send(reply)


class _Run:
    """One procedure on its way."""

    def __init__(self, connection: Connection, steps: Steps[T], done: Callable[[T | JournalError], None]) -> None:
        self._connection = connection
        self._steps = steps
        self._done = cast("Callable[[object], None]", done)

    def go_on(self, reply: Reply, error: CassandraError | None = None) -> None:
        """Give the procedure an answer and ask what it wants next."""
        try:
            request = self._steps.send(reply) if error is None else self._steps.throw(error)
        except StopIteration as done:
            self._done(done.value)
        except JournalError as failure:
            self._done(failure)
        except CassandraError as failure:
            self._done(as_journal_error(failure))
        else:
            self._ask(request)

    def _ask(self, request: Request) -> None:
        statement, values = bound(request)
        if isinstance(request, ReadBucket | ReadRow):

            def told(rows: list[Row] | CassandraError) -> None:
                if isinstance(rows, CassandraError):
                    self.go_on(None, rows)
                else:
                    self.go_on(reply_of_read(request, rows))

            self._connection.ask_soon(statement, values, told)
        else:

            def judged(answer: Conditional | CassandraError) -> None:
                if isinstance(answer, CassandraError):
                    self.go_on(None, answer)
                else:
                    self.go_on(_applied(request, answer))

            self._connection.conditional_soon(statement, values, judged)


def as_journal_error(error: CassandraError) -> JournalError:
    """What an error of the cluster means for the journal."""
    match error:
        case UnknownWriteError():
            return UnknownOutcomeError(str(error))
        case RefusedStatementError():
            return UnavailableError(f"the cluster refuses; see `kinelog doctor`: {error}")
        case _:
            return UnavailableError(str(error))


def _applied(request: Request, answer: Conditional) -> bool:
    if not answer.applied:
        metrics.CONDITIONS_LOST.inc()
    elif isinstance(request, OpenBucket):
        metrics.BUCKETS_OPENED.inc()
    return answer.applied
