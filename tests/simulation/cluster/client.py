"""A process that waits for the cluster: while it waits time goes by for everybody else, and it may stand still or die.

Ordinary writes are repeated by the driver until somebody says that they are done. So they may happen twice, the second
time long after; they may have happened although the caller was told that the cluster is unreachable; and of several at
once any part may have happened, in any order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

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
from kinelog.cassandra_session.errors import CassandraError, UnknownWriteError, UnreachableError
from typing_extensions import override

from tests.simulation.cluster.link import Link

NAP_MS = 25


class Client(Connection):
    """One process's connection. Everything blocks; what answers later elsewhere answers before it returns here.

    Attributes:
        alive: Whether the process still runs; its statements fail from then on.
        awake: Whether it is not standing still.
    """

    def __init__(self, link: Link, alive: Callable[[], bool], awake: Callable[[], bool]) -> None:
        self.keyspaces = link.cluster.keyspaces
        self.replication = 1
        self._link = link
        self._alive = alive
        self._awake = awake

    @override
    def ask(self, statement: Statement, values: tuple[Value, ...] = ()) -> list[Row]:
        self._pass_time()
        if statement.access is Access.WRITE:
            self._write([(statement, values)])
            return []
        if not self._link.reachable():
            raise UnreachableError("no coordinator takes the statement")
        rows = self._link.cluster.ask(statement, values)
        self._pass_time()
        return rows

    @override
    def conditional(self, statement: Statement, values: tuple[Value, ...]) -> Conditional:
        self._pass_time()
        if not self._link.reachable():
            raise UnreachableError("no coordinator takes the statement")
        link, faults = self._link, self._link.faults
        decide = partial(link.cluster.conditional, statement, values)
        if link.happens(faults.late):
            link.decide_later(statement, values)
            raise UnknownWriteError("no answer in time")
        if link.happens(faults.lost):
            raise UnknownWriteError("no answer in time")
        answer = decide(hidden=link.happens(faults.hidden))
        if link.happens(faults.unheard):
            raise UnknownWriteError("no answer in time")
        self._pass_time()
        return answer

    @override
    def ask_soon(
        self, statement: Statement, values: tuple[Value, ...], done: Callable[[list[Row] | CassandraError], None]
    ) -> None:
        try:
            answer: list[Row] | CassandraError = self.ask(statement, values)
        except CassandraError as error:
            answer = error
        done(answer)

    @override
    def conditional_soon(
        self, statement: Statement, values: tuple[Value, ...], done: Callable[[Conditional | CassandraError], None]
    ) -> None:
        try:
            answer: Conditional | CassandraError = self.conditional(statement, values)
        except CassandraError as error:
            answer = error
        done(answer)

    @override
    def ask_all(self, requests: Iterable[Request], in_flight: int = 64) -> list[list[Row]]:
        return [self.ask(statement, values) for statement, values in requests]

    @override
    def write_all(self, batches: Iterable[Sequence[Request]], in_flight: int = 32) -> None:
        groups = [list(batch) for batch in batches]
        # They are on their way together: whichever arrives first, and some before the rest fails.
        self._link.rng.shuffle(groups)
        for group in groups:
            self._pass_time()
            self._write(group)

    @override
    def define(self, cql: str) -> None:
        self._link.cluster.define(cql)

    @override
    def traced(self, statement: Statement, values: tuple[Value, ...] = ()) -> Traced:
        raise NotImplementedError("the model keeps no traces")

    @override
    def close(self) -> None:
        """Nothing is kept open."""

    def _write(self, group: Sequence[Request]) -> None:
        """One statement or one unlogged batch: the parts in each partition happen together."""
        link, faults = self._link, self._link.faults
        if not link.reachable():
            raise UnreachableError("no coordinator takes the statement")
        batch = partial(link.cluster.batch, group, link.clock_us())
        if link.happens(faults.late):
            # A first attempt is still on its way when the repeated one is done.
            link.met["a write came again later"] += 1
            link.later(link.rng.randint(1, faults.late_ms), batch)
        if link.happens(faults.lost):
            link.met["a write failed"] += 1
            raise UnreachableError("too few replicas")
        batch()
        if link.happens(faults.unheard):
            link.met["a write was done and failed"] += 1
            raise UnreachableError("too few replicas answered")

    def _pass_time(self) -> None:
        self._link.pass_time(None)
        while self._alive() and not self._awake():
            self._link.pass_time(NAP_MS)
        if not self._alive():
            raise UnreachableError("this process is no more")
