"""What the cluster's errors are to those who use the journal, where nothing depends on what became of a statement."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kinelog.cassandra_session.errors import CassandraError
from kinelog.journal.errors import UnavailableError


@contextmanager
def as_journal_errors() -> Iterator[None]:
    """For reads and for writes that can be repeated: not for commits, whose unknown outcomes have to be judged.

    Raises:
        UnavailableError: The cluster did not do it.
    """
    try:
        yield
    except CassandraError as error:
        raise UnavailableError(f"Cassandra: {error}") from error
