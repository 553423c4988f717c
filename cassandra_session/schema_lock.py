"""The lock that makes one applier of migrations wait for another.

No clock is compared with another. The holder counts up a beat while it lives; who waits takes the lock over when it
has seen the same beat of the same owner for longer than a living holder ever needs for the next.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from kinelog.cassandra_session.connection import Access, Connection, Statement
from kinelog.cassandra_session.errors import CassandraError, SchemaError, UnknownWriteError

BEAT_S = 2.0
EXPIRY_S = 15.0
"""How long a beat must have stood still before its owner counts as dead."""

_NAME = "apply"
_HOLDER = Statement("SELECT owner, beat FROM {log}.schema_lock WHERE name = ?", Access.LINEARIZABLE_READ)
_TAKE = Statement(
    "INSERT INTO {log}.schema_lock (name, owner, beat) VALUES (?, ?, 0) IF NOT EXISTS", Access.CONDITIONAL
)
_TAKE_OVER = Statement(
    "UPDATE {log}.schema_lock SET owner = ?, beat = 0 WHERE name = ? IF owner = ? AND beat = ?", Access.CONDITIONAL
)
_BEAT = Statement("UPDATE {log}.schema_lock SET beat = ? WHERE name = ? IF owner = ?", Access.CONDITIONAL)
_RELEASE = Statement("DELETE FROM {log}.schema_lock WHERE name = ? IF owner = ?", Access.CONDITIONAL)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the lock is waited for, in seconds; tests use short ones.

    Attributes:
        beat_s: Between two beats of a holder.
        expiry_s: Stillness after which a holder counts as dead; several times `beat_s`.
        give_up_s: How long to wait for a holder that lives.
    """

    beat_s: float = BEAT_S
    expiry_s: float = EXPIRY_S
    give_up_s: float = 300.0


class SchemaLock:
    """Held inside `held`; ask `require` before each step that must not be done by two."""

    def __init__(self, connection: Connection, patience: Patience) -> None:
        """Not held yet."""
        self._connection = connection
        self._patience = patience
        self._owner = secrets.token_hex(8)
        self._released = threading.Event()
        self._beat = 0

    def require(self) -> None:
        """Make sure that the lock is still ours.

        Raises:
            SchemaError: We stood still for so long that somebody took over.
        """
        holder = self._holder()
        if holder is None or holder[0] != self._owner:
            raise SchemaError("somebody else took over applying the schema: look at `kinelog schema status`")

    def take(self) -> None:
        """Wait for the lock.

        Raises:
            SchemaError: Somebody alive held it for too long.
        """
        give_up = time.monotonic() + self._patience.give_up_s
        seen: tuple[str, int] | None = None
        seen_at = time.monotonic()
        while not self._try(_TAKE, (_NAME, self._owner)):
            holder = self._holder()
            now = time.monotonic()
            if holder is not None and holder[0] == self._owner:
                return  # an attempt with an unknown outcome was applied
            if holder != seen:
                seen, seen_at = holder, now
            elif holder is not None and now - seen_at > self._patience.expiry_s:
                logger.warning("taking the schema lock over from %s, which stands still", holder[0])
                if self._try(_TAKE_OVER, (self._owner, _NAME, *holder)):
                    return
            if now > give_up:
                raise SchemaError("somebody else applies the schema and does not get done: try again later")
            self._released.wait(min(0.2, self._patience.beat_s))

    def beat_until_released(self) -> None:
        """Show that the holder lives; runs on a thread of its own."""
        while not self._released.wait(self._patience.beat_s):
            self._beat += 1
            try:
                if not self._connection.conditional(_BEAT, (self._beat, _NAME, self._owner)).applied:
                    return  # `require` says so
            except CassandraError as error:
                logger.warning("the schema lock could not be renewed: %s", error)

    def release(self) -> None:
        """Give the lock back; if that fails it expires."""
        self._released.set()
        try:
            self._connection.conditional(_RELEASE, (_NAME, self._owner))
        except CassandraError as error:
            logger.warning("the schema lock was not given back and will expire: %s", error)

    def _holder(self) -> tuple[str, int] | None:
        rows = self._connection.ask(_HOLDER, (_NAME,))
        return (str(rows[0][0]), int(rows[0][1] or 0)) if rows else None

    def _try(self, statement: Statement, values: tuple[str | int, ...]) -> bool:
        try:
            return self._connection.conditional(statement, values).applied
        except UnknownWriteError:
            return False  # the next look tells who holds it


@contextmanager
def held(connection: Connection, patience: Patience) -> Iterator[SchemaLock]:
    """Hold the lock."""
    lock = SchemaLock(connection, patience)
    lock.take()
    beating = threading.Thread(target=lock.beat_until_released, name="schema-lock", daemon=True)
    beating.start()
    try:
        yield lock
    finally:
        lock.release()
        beating.join()
