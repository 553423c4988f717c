"""A connection to the simulation's cluster in memory, with something going on before each statement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from kinelog.cassandra_session.connection import (
    Conditional,
    Connection,
    Keyspaces,
    Request,
    Row,
    Statement,
    Traced,
    Value,
)
from kinelog.cassandra_session.errors import CassandraError
from typing_extensions import override

from tests.simulation.cluster.model import Cluster

KEYSPACES = Keyspaces.of("model")


def model_cluster(tables: Iterable[str] = (), clock_us: Callable[[], int] = lambda: 1_700_000_000_000_000) -> Cluster:
    """An empty cluster with these tables."""
    cluster = Cluster(clock_us, KEYSPACES)
    for table in tables:
        cluster.define(table)
    return cluster


class ModelConnection(Connection):
    """One client of the cluster; several may share it.

    Attributes:
        before: Called before each statement: where other clients get their turn, and where errors come from.
        mix: Puts groups of writes that are under way together into the order in which they arrive.
    """

    def __init__(
        self,
        cluster: Cluster,
        before: Callable[[Statement, tuple[Value, ...]], None] | None = None,
        mix: Callable[[list[Sequence[Request]]], None] | None = None,
    ) -> None:
        self.keyspaces = cluster.keyspaces
        self.replication = 1
        self.cluster = cluster
        self.before = before or (lambda _statement, _values: None)
        self.mix = mix or (lambda _groups: None)

    @override
    def ask(self, statement: Statement, values: tuple[Value, ...] = ()) -> list[Row]:
        self.before(statement, values)
        return self.cluster.ask(statement, values)

    @override
    def conditional(self, statement: Statement, values: tuple[Value, ...]) -> Conditional:
        self.before(statement, values)
        return self.cluster.conditional(statement, values)

    @override
    def ask_soon(
        self, statement: Statement, values: tuple[Value, ...], done: Callable[[list[Row] | CassandraError], None]
    ) -> None:
        answer: list[Row] | CassandraError
        try:
            answer = self.ask(statement, values)
        except CassandraError as error:
            answer = error
        done(answer)

    @override
    def conditional_soon(
        self, statement: Statement, values: tuple[Value, ...], done: Callable[[Conditional | CassandraError], None]
    ) -> None:
        answer: Conditional | CassandraError
        try:
            answer = self.conditional(statement, values)
        except CassandraError as error:
            answer = error
        done(answer)

    @override
    def ask_all(self, requests: Iterable[Request], in_flight: int = 64) -> list[list[Row]]:
        return [self.ask(*request) for request in requests]

    @override
    def write_all(self, batches: Iterable[Sequence[Request]], in_flight: int = 32) -> None:
        groups = list(batches)
        self.mix(groups)
        for group in groups:
            for statement, values in group:
                self.before(statement, values)
            self.cluster.batch(group, self.cluster.clock_us())

    @override
    def define(self, cql: str) -> None:
        self.cluster.define(cql)

    @override
    def traced(self, statement: Statement, values: tuple[Value, ...] = ()) -> Traced:
        raise NotImplementedError("the model has no traces")

    @override
    def close(self) -> None:
        """Nothing to do."""
