"""What the cluster's errors mean to who asked for keys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kinelog.cassandra_session.errors import CassandraError, MissingTableError, RefusedStatementError
from kinelog.privacy.errors import IncompatibleKeyStoreError, KeyStoreUnavailableError


@contextmanager
def answering(where: str) -> Iterator[None]:
    """Turn errors of the cluster into those of the key store.

    Raises:
        KeyStoreUnavailableError: The cluster does not answer; whatever was written may be written again.
        IncompatibleKeyStoreError: The tables are not there, or this user may not use them.
    """
    try:
        yield
    except MissingTableError as error:
        raise IncompatibleKeyStoreError(f"{where} has no tables of keys: run `kinelog schema apply`") from error
    except RefusedStatementError as error:
        raise IncompatibleKeyStoreError(f"{where}: {error}") from error
    except CassandraError as error:
        raise KeyStoreUnavailableError(f"{where}: {error}") from error
