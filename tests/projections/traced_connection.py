"""A connection that traces its reads, so that a test can hold questions to the design of the tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from kinelog.cassandra_session.connection import (
    Access,
    Conditional,
    Connection,
    Request,
    Row,
    Statement,
    Traced,
    Value,
)
from kinelog.cassandra_session.errors import CassandraError
from typing_extensions import override

_TABLE = re.compile(r"FROM \{\w+\}\.(\w+?)(?:_\d+)? WHERE")


class Read(NamedTuple):
    """One read of a table (its name without a generation's number)."""

    table: str
    traced: Traced


class TracedConnection(Connection):
    """Passes everything on, and keeps the traces of what was read.

    Of many reads by one statement, those that found something are traced, and the first that found nothing.
    """

    def __init__(self, inner: Connection) -> None:
        self.inner = inner
        self.keyspaces = inner.keyspaces
        self.replication = inner.replication
        self.reads: list[Read] = []

    def take(self) -> list[Read]:
        """The reads since the last call."""
        taken, self.reads = self.reads, []
        return taken

    @override
    def ask(self, statement: Statement, values: tuple[Value, ...] = ()) -> list[Row]:
        if statement.access is not Access.READ:
            return self.inner.ask(statement, values)
        found = _TABLE.search(statement.cql)
        assert found, f"not a read of one table: {statement.cql}"
        traced = self.inner.traced(statement, values)
        self.reads.append(Read(found[1], traced))
        return traced.rows

    @override
    def ask_all(self, requests: Iterable[Request], in_flight: int = 64) -> list[list[Row]]:
        asked = list(requests)
        answers = self.inner.ask_all(asked, in_flight)
        empty_seen: set[Statement] = set()
        for (statement, values), rows in zip(asked, answers, strict=True):
            if rows or statement not in empty_seen:
                self.ask(statement, values)
            if not rows:
                empty_seen.add(statement)
        return answers

    @override
    def conditional(self, statement: Statement, values: tuple[Value, ...]) -> Conditional:
        return self.inner.conditional(statement, values)

    @override
    def ask_soon(
        self, statement: Statement, values: tuple[Value, ...], done: Callable[[list[Row] | CassandraError], None]
    ) -> None:
        self.inner.ask_soon(statement, values, done)

    @override
    def conditional_soon(
        self, statement: Statement, values: tuple[Value, ...], done: Callable[[Conditional | CassandraError], None]
    ) -> None:
        self.inner.conditional_soon(statement, values, done)

    @override
    def write_all(self, batches: Iterable[Sequence[Request]], in_flight: int = 32) -> None:
        self.inner.write_all(batches, in_flight)

    @override
    def define(self, cql: str) -> None:
        self.inner.define(cql)

    @override
    def traced(self, statement: Statement, values: tuple[Value, ...] = ()) -> Traced:
        return self.inner.traced(statement, values)

    @override
    def close(self) -> None:
        self.inner.close()
