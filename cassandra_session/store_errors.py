"""What every store that lies in a cluster does about the cluster's errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kinelog.cassandra_session.connection import Conditional, Connection, Statement, Value
from kinelog.cassandra_session.errors import (
    CassandraError,
    MissingTableError,
    RefusedStatementError,
    UnknownWriteError,
)


@contextmanager
def told_as(where: str, what: str, *, unavailable: type[Exception], incompatible: type[Exception]) -> Iterator[None]:
    """Turn errors of the cluster into those of a store.

    Args:
        where: The cluster, for the message.
        what: What the store's tables hold, in a word.
        unavailable: The store's error for: the cluster does not answer; what was written may be written again.
        incompatible: For: the tables are not there, or this user may not use them.
    """
    try:
        yield
    except MissingTableError as error:
        raise incompatible(f"{where} has no tables of {what}: run `kinelog schema apply`") from error
    except RefusedStatementError as error:
        raise incompatible(f"{where}: {error}") from error
    except CassandraError as error:
        raise unavailable(f"{where}: {error}") from error


def until_known(connection: Connection, statement: Statement, values: tuple[Value, ...], tries: int) -> Conditional:
    """Run a conditional write that may be made again, until its outcome is known.

    Raises:
        UnknownWriteError: It was not, after so many tries.
        CassandraError: As `Connection.conditional`.
    """
    for _ in range(tries - 1):
        try:
            return connection.conditional(statement, values)
        except UnknownWriteError:
            continue
    return connection.conditional(statement, values)
