"""What the stores need of a cluster: statements with the consistency of their kind, blocking or answered later."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from kinelog.cassandra_session.errors import CassandraError

Value = int | float | str | bytes | bool | None
"""What a column holds; `blob` is bytes, `bigint` and `int` are int."""

Row = tuple[Value, ...]
"""One row of a result, in the order of the statement's columns."""


class Access(Enum):
    """What kind of statement it is: this decides consistency and what may be repeated after an error."""

    READ = "read"
    LINEARIZABLE_READ = "linearizable read"
    WRITE = "write"
    CONDITIONAL = "conditional write"


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that is prepared once.

    Attributes:
        cql: With `?` for values; `{log}`, `{keys}`, `{views}` and `{models}` stand for the keyspaces.
        access: Its kind. A `WRITE` must be idempotent: it is repeated after an unknown outcome. A read at `READ` sees
            every acknowledged `WRITE`; of tables that conditional writes change it may miss what is in flight, which
            `LINEARIZABLE_READ` finishes first.
    """

    cql: str
    access: Access


class Keyspaces(NamedTuple):
    """Names of the four keyspaces of a deployment: they are backed up, and forgotten, apart."""

    log: str
    keys: str
    views: str
    models: str

    @classmethod
    def of(cls, prefix: str) -> Keyspaces:
        """The keyspaces of a deployment with this name."""
        return cls(f"{prefix}_log", f"{prefix}_keys", f"{prefix}_views", f"{prefix}_models")


class Conditional(NamedTuple):
    """What a conditional write answered.

    Attributes:
        applied: Whether the condition held.
        current: Where it did not: what the cluster has, by column name; empty if there is no such row.
    """

    applied: bool
    current: dict[str, Value]


class Traced(NamedTuple):
    """What the cluster says of a read: for tests that hold tables to their design.

    Attributes:
        rows: Rows of the answer.
        live_rows: Rows read to make it; `tombstones`: deleted ones that were passed over.
        full_scan: Whether more than one partition was looked at.
    """

    rows: list[Row]
    live_rows: int
    tombstones: int
    full_scan: bool


Request = tuple[Statement, tuple[Value, ...]]


class Connection(ABC):
    """A connected cluster. Thread-safe. Every method may raise or answer a `CassandraError`."""

    keyspaces: Keyspaces
    replication: int
    """Replicas that a new keyspace gets."""

    @abstractmethod
    def ask(self, statement: Statement, values: tuple[Value, ...] = ()) -> list[Row]:
        """Run a read or an idempotent write and wait.

        Raises:
            UnreachableError: Nothing was written that matters: reads and idempotent writes may be tried again.
            RefusedStatementError: A defect or a configuration.
        """

    @abstractmethod
    def conditional(self, statement: Statement, values: tuple[Value, ...]) -> Conditional:
        """Run a conditional write and wait; never repeated on its own.

        Raises:
            UnreachableError: It was not sent.
            UnknownWriteError: It may have been applied, or may yet be.
            RefusedStatementError: Nothing was written.
        """

    @abstractmethod
    def ask_soon(
        self, statement: Statement, values: tuple[Value, ...], done: Callable[[list[Row] | CassandraError], None]
    ) -> None:
        """As `ask`, without waiting.

        Args:
            statement: What to run.
            values: For its marks.
            done: Called once on this connection's own thread for answers (never the driver's). It must be quick and
                never raise.
        """

    @abstractmethod
    def conditional_soon(
        self, statement: Statement, values: tuple[Value, ...], done: Callable[[Conditional | CassandraError], None]
    ) -> None:
        """As `conditional`, without waiting; `done` as in `ask_soon`."""

    @abstractmethod
    def ask_all(self, requests: Iterable[Request], in_flight: int = 64) -> list[list[Row]]:
        """Run many reads or idempotent writes at the same time; answers in their order.

        Raises:
            CassandraError: The first that failed; others may or may not have happened.
        """

    @abstractmethod
    def write_all(self, batches: Iterable[Sequence[Request]], in_flight: int = 32) -> None:
        """Run groups of idempotent writes, each as one unlogged batch: atomic where it stays in one partition.

        A group without company is sent as a plain statement.

        Raises:
            CassandraError: The first that failed; others may or may not have happened.
        """

    @abstractmethod
    def define(self, cql: str) -> None:
        """Run a statement that changes the schema, and wait for all nodes to agree; keyspaces as in `Statement`.

        Raises:
            SchemaError: The nodes do not agree in time.
            RefusedStatementError: It is not allowed or makes no sense.
        """

    def define_all(self, statements: Sequence[str]) -> None:
        """Run statements that change the schema and do not depend on one another; see `define`.

        Here one after the other, which takes a second for each where several nodes have to agree.

        Raises:
            CassandraError: The first that failed; others may or may not have happened.
        """
        for cql in statements:
            self.define(cql)

    @abstractmethod
    def traced(self, statement: Statement, values: tuple[Value, ...] = ()) -> Traced:
        """Run a read with tracing and wait for the trace: for tests and `doctor`, never on a hot path."""

    @abstractmethod
    def close(self) -> None:
        """Answer what is in flight and disconnect."""
