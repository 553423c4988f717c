"""Who uses the schema: every running process announces what it knows, so that nothing is taken away from under it."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterable

from kinelog.cassandra_session.connection import Access, Connection, Statement
from kinelog.cassandra_session.errors import CassandraError
from kinelog.cassandra_session.migration import KeyspaceRole, KeyspaceSchema

REFRESH_S = 5.0
STILL_S = 20.0
"""A process whose row did not change for so long, seen by one observer, is gone."""

_ANNOUNCE = Statement(
    "INSERT INTO {log}.schema_readers (keyspace_role, process, version, beat) VALUES (?, ?, ?, ?)", Access.WRITE
)
_WITHDRAW = Statement("DELETE FROM {log}.schema_readers WHERE keyspace_role = ? AND process = ?", Access.WRITE)
_READERS = Statement("SELECT process, version, beat FROM {log}.schema_readers WHERE keyspace_role = ?", Access.READ)

logger = logging.getLogger(__name__)


class SchemaAnnouncement:
    """Says, until it is closed, which schemas this process knows."""

    def __init__(self, connection: Connection, schemas: Iterable[KeyspaceSchema], refresh_s: float = REFRESH_S) -> None:
        """Announce once, before anything is read, and go on announcing.

        Raises:
            CassandraError: It could not be announced.
        """
        self._connection = connection
        self._schemas = tuple(schemas)
        self._process = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._beat = 0
        self._closing = threading.Event()
        self._announce()
        self._thread = threading.Thread(target=self._go_on, args=(refresh_s,), name="schema-reader", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Withdraw; if that fails, whoever wants to know will see that the row stands still."""
        self._closing.set()
        self._thread.join()
        try:
            self._connection.ask_all([(_WITHDRAW, (schema.role, self._process)) for schema in self._schemas])
        except CassandraError as error:
            logger.warning("the announcement of this process stays for a while: %s", error)

    def _announce(self) -> None:
        self._beat += 1
        rows = [(_ANNOUNCE, (schema.role, self._process, schema.version, self._beat)) for schema in self._schemas]
        self._connection.ask_all(rows)

    def _go_on(self, refresh_s: float) -> None:
        said = False
        while not self._closing.wait(refresh_s):
            try:
                self._announce()
            except CassandraError as error:
                if not said:  # once: whoever uses the store says the rest
                    logger.warning("this process cannot announce which schema it knows, and goes on trying: %s", error)
                said = True
            else:
                said = False


def processes_older_than(
    connection: Connection, role: KeyspaceRole, version: int, still_s: float = STILL_S
) -> list[str]:
    """Living processes that know an older schema of a keyspace; rows of dead ones are removed.

    It takes `still_s` seconds if there are rows of dead ones, and none if there are no older rows at all.
    """
    first = _older(connection, role, version)
    deadline = time.monotonic() + still_s
    alive: set[str] = set()
    while (still := first.keys() - alive) and time.monotonic() < deadline:
        now = _older(connection, role, version)
        alive |= {process for process in still if process in now and now[process] != first[process]}
        first = {process: beat for process, beat in first.items() if process in now}
        time.sleep(min(0.25, still_s / 4))
    dead = sorted(first.keys() - alive)
    connection.ask_all([(_WITHDRAW, (role, process)) for process in dead])
    return sorted(_older(connection, role, version).keys() - set(dead))


def _older(connection: Connection, role: KeyspaceRole, version: int) -> dict[str, int]:
    rows = connection.ask(_READERS, (role,))
    return {str(process): int(beat or 0) for process, known, beat in rows if int(known or 0) < version}
