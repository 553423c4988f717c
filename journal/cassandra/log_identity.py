"""What a log is: layout, number of shards, incarnation. Whoever opens it first says so, everybody else must agree."""

from __future__ import annotations

import secrets
from typing import NamedTuple

from kinelog.cassandra_session.connection import Access, Connection, Statement
from kinelog.cassandra_session.errors import CassandraError, UnknownWriteError
from kinelog.journal.cassandra.procedure_runner import as_journal_error
from kinelog.journal.cassandra.store_errors import as_journal_errors
from kinelog.journal.errors import IncompatibleStoreError, UnavailableError

LAYOUT = "1"
DEFAULT_SHARDS = 8
MOST_SHARDS = 4_096
ATTEMPTS = 5

_KEYS = ("layout", "shards", "incarnation")

_READ = Statement("SELECT value FROM {log}.meta WHERE key = ?", Access.LINEARIZABLE_READ)
_CLAIM = Statement("INSERT INTO {log}.meta (key, value) VALUES (?, ?) IF NOT EXISTS", Access.CONDITIONAL)


class LogIdentity(NamedTuple):
    """What the first opener decided."""

    shards: int
    incarnation: str


def identify(connection: Connection, shards: int | None) -> LogIdentity:
    """Read what the log is, or decide it.

    Args:
        connection: The cluster.
        shards: Number of shards; None takes what the log was made with, 8 for a new one.

    Raises:
        IncompatibleStoreError: The log has another layout or number of shards.
        UnavailableError: The cluster does not answer.
    """
    if shards is not None and not 1 <= shards <= MOST_SHARDS:
        raise ValueError(f"shards: {shards}; 1 to {MOST_SHARDS}")
    where = connection.keyspaces.log
    layout = _decided(connection, "layout", LAYOUT)
    if layout != LAYOUT:
        raise IncompatibleStoreError(
            f"{where} has layout {layout}, this version reads {LAYOUT}: install the version that made it, or copy it "
            "into a new prefix with `kinelog journal copy`"
        )
    made_with = int(_decided(connection, "shards", str(shards or DEFAULT_SHARDS)))
    if shards is not None and made_with != shards:
        raise IncompatibleStoreError(
            f"{where} has {made_with} shards, not {shards}: set shards to {made_with}, or copy the log into a new "
            f"prefix with `kinelog journal copy --shards {shards}`"
        )
    return LogIdentity(made_with, _decided(connection, "incarnation", secrets.token_hex(16)))


def known_identity(connection: Connection) -> LogIdentity | None:
    """What the log is, without deciding anything; None if nobody has opened it yet.

    Raises:
        IncompatibleStoreError: The log has another layout.
        UnavailableError: The cluster does not answer.
    """
    with as_journal_errors():
        found = {key: str(rows[0][0]) for key in _KEYS if (rows := connection.ask(_READ, (key,)))}
    if found.keys() != set(_KEYS):
        return None
    if found["layout"] != LAYOUT:
        raise IncompatibleStoreError(
            f"{connection.keyspaces.log} has layout {found['layout']!r}, this version reads {LAYOUT}"
        )
    return LogIdentity(int(found["shards"]), found["incarnation"])


def _decided(connection: Connection, key: str, proposal: str) -> str:
    """The value of a key, which is ours if there is none yet."""
    for _ in range(ATTEMPTS):
        try:
            rows = connection.ask(_READ, (key,))
            if rows:
                return str(rows[0][0])
            connection.conditional(_CLAIM, (key, proposal))
        except UnknownWriteError:
            continue  # whoever was first stays: reading again says who
        except CassandraError as error:
            raise as_journal_error(error) from error
    raise UnavailableError(f"{connection.keyspaces.log}: it could not be decided what its {key} is")
