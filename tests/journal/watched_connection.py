"""A connection between a journal and a real cluster that notes what passes, and can lose answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from kinelog.cassandra_session.connection import (
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

Values = tuple[Value, ...]


@dataclass(frozen=True)
class Passed:
    """A statement on its way to the cluster."""

    statement: Statement
    thread: str
    waits: bool


@dataclass
class WatchedConnection(Connection):
    """Attributes: `passed`, all that went through; `told`, names of threads on which answers were delivered.

    `fails` says of a conditional write what its sender hears instead of the answer, or None; the write is made
    beforehand if `applied`.
    """

    inner: Connection
    passed: list[Passed] = field(default_factory=list)
    told: set[str] = field(default_factory=set)
    fails: Callable[[Statement], CassandraError | None] = lambda _statement: None
    applied: bool = True

    def __post_init__(self) -> None:
        self.keyspaces = self.inner.keyspaces
        self.replication = self.inner.replication

    @override
    def ask(self, statement: Statement, values: Values = ()) -> list[Row]:
        self._note(statement, waits=True)
        return self.inner.ask(statement, values)

    @override
    def conditional(self, statement: Statement, values: Values) -> Conditional:
        self._note(statement, waits=True)
        failure = self.fails(statement)
        if failure is None:
            return self.inner.conditional(statement, values)
        if self.applied:
            self.inner.conditional(statement, values)
        raise failure

    @override
    def ask_soon(
        self, statement: Statement, values: Values, done: Callable[[list[Row] | CassandraError], None]
    ) -> None:
        self._note(statement, waits=False)

        def noted(answer: list[Row] | CassandraError) -> None:
            self.told.add(threading.current_thread().name)
            done(answer)

        self.inner.ask_soon(statement, values, noted)

    @override
    def conditional_soon(
        self, statement: Statement, values: Values, done: Callable[[Conditional | CassandraError], None]
    ) -> None:
        self._note(statement, waits=False)
        failure = self.fails(statement)

        def noted(answer: Conditional | CassandraError) -> None:
            self.told.add(threading.current_thread().name)
            done(answer if failure is None else failure)

        if failure is None or self.applied:
            self.inner.conditional_soon(statement, values, noted)
        else:
            done(failure)

    @override
    def ask_all(self, requests: Iterable[Request], in_flight: int = 64) -> list[list[Row]]:
        listed = list(requests)
        for statement, _ in listed:
            self._note(statement, waits=True)
        return self.inner.ask_all(listed, in_flight)

    @override
    def write_all(self, batches: Iterable[Sequence[Request]], in_flight: int = 32) -> None:
        listed = list(batches)
        for batch in listed:
            for statement, _ in batch:
                self._note(statement, waits=True)
        self.inner.write_all(listed, in_flight)

    @override
    def define(self, cql: str) -> None:
        self.inner.define(cql)

    @override
    def traced(self, statement: Statement, values: Values = ()) -> Traced:
        return self.inner.traced(statement, values)

    @override
    def close(self) -> None:
        self.inner.close()

    def _note(self, statement: Statement, *, waits: bool) -> None:
        self.passed.append(Passed(statement, threading.current_thread().name, waits))
