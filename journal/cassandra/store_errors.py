"""What the cluster's errors are to those who use the journal, where nothing depends on what became of a statement."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kinelog.cassandra_session.errors import CassandraError
from kinelog.journal.errors import UnavailableError


def as_journal_error(error: CassandraError) -> UnavailableError:
    """For reads and for writes that can be repeated: not for commits, whose unknown outcomes have to be judged."""
    return UnavailableError(f"Cassandra: {error}")


@contextmanager
def as_journal_errors() -> Iterator[None]:
    """As `as_journal_error`, for whatever is done inside.

    Raises:
        UnavailableError: The cluster did not do it.
    """
    try:
        yield
    except CassandraError as error:
        raise as_journal_error(error) from error
