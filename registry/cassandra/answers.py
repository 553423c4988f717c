"""What the cluster's errors mean to who asked for models, and how unsure writes come to an end."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager

from kinelog.cassandra_session.connection import Conditional, Connection, Statement, Value
from kinelog.cassandra_session.errors import UnknownWriteError
from kinelog.cassandra_session.store_errors import told_as
from kinelog.registry.errors import IncompatibleRegistryError, RegistryUnavailableError

TRIES = 30
"""How often a write is judged and made again before the cluster counts as unable to answer."""

_LONGEST_PAUSE_S = 0.2


def answering(where: str) -> AbstractContextManager[None]:
    """Turn errors of the cluster into those of the model store, `RegistryUnavailableError` and `Incompatible…`."""
    return told_as(where, "models", unavailable=RegistryUnavailableError, incompatible=IncompatibleRegistryError)


def attempts(where: str, what: str) -> Iterator[int]:
    """Numbers to try by, with a pause that grows and differs between rivals; who runs out of them gives up.

    Raises:
        RegistryUnavailableError: After the last.
    """
    for number in range(TRIES):
        if number:
            longest = min(_LONGEST_PAUSE_S, 0.005 * 2**number)
            threading.Event().wait(random.uniform(0, longest))  # noqa: S311 - only so that rivals do not meet again
        yield number
    raise RegistryUnavailableError(f"{where}: {what} was not decided in {TRIES} tries; ask the same again")


def tried(connection: Connection, statement: Statement, values: tuple[Value, ...]) -> Conditional | None:
    """Run a conditional write once; None if nobody knows whether it was applied."""
    try:
        return connection.conditional(statement, values)
    except UnknownWriteError:
        return None
