"""A connection on which conditional writes get lost, lose their answers, or are applied when nobody waits any more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum

from kinelog.cassandra_session.connection import Conditional, Connection, Request, Row, Statement, Traced, Value
from kinelog.cassandra_session.errors import CassandraError, UnknownWriteError
from typing_extensions import override


class Fate(Enum):
    """What becomes of a conditional write."""

    ANSWERED = "answered"
    LOST = "lost"
    ANSWER_LOST = "applied, and the answer lost"
    LATE = "applied when `deliver` is called, and the answer lost"


class UnsureConnection(Connection):
    """Blocking calls over another connection; each conditional write meets the next fate."""

    def __init__(self, connection: Connection, fates: Iterable[Fate] = ()) -> None:
        """After the last of the fates every write is answered."""
        self.keyspaces = connection.keyspaces
        self.replication = connection.replication
        self._connection = connection
        self._fates: Iterator[Fate] = iter(fates)
        self._late: list[Request] = []

    def meet(self, *fates: Fate) -> None:
        """What happens to the next conditional writes."""
        self._fates = iter(fates)

    def deliver(self) -> None:
        """Let everything arrive that was late."""
        late, self._late = self._late, []
        for statement, values in late:
            self._connection.conditional(statement, values)

    @override
    def conditional(self, statement: Statement, values: tuple[Value, ...]) -> Conditional:
        fate = next(self._fates, Fate.ANSWERED)
        if fate is Fate.LATE:
            self._late.append((statement, values))
        if fate in (Fate.LOST, Fate.LATE):
            raise UnknownWriteError(fate.value)
        answer = self._connection.conditional(statement, values)
        if fate is Fate.ANSWER_LOST:
            raise UnknownWriteError(fate.value)
        return answer

    @override
    def ask(self, statement: Statement, values: tuple[Value, ...] = ()) -> list[Row]:
        return self._connection.ask(statement, values)

    @override
    def ask_soon(
        self, statement: Statement, values: tuple[Value, ...], done: Callable[[list[Row] | CassandraError], None]
    ) -> None:
        self._connection.ask_soon(statement, values, done)

    @override
    def conditional_soon(
        self, statement: Statement, values: tuple[Value, ...], done: Callable[[Conditional | CassandraError], None]
    ) -> None:
        self._connection.conditional_soon(statement, values, done)

    @override
    def ask_all(self, requests: Iterable[Request], in_flight: int = 64) -> list[list[Row]]:
        return self._connection.ask_all(requests, in_flight)

    @override
    def write_all(self, batches: Iterable[Sequence[Request]], in_flight: int = 32) -> None:
        self._connection.write_all(batches, in_flight)

    @override
    def define(self, cql: str) -> None:
        self._connection.define(cql)

    @override
    def traced(self, statement: Statement, values: tuple[Value, ...] = ()) -> Traced:
        return self._connection.traced(statement, values)

    @override
    def close(self) -> None:
        """The connection below is its owner's."""
