"""Trusted public keys in Cassandra: once retired, never trusted again, whoever adds them."""

from __future__ import annotations

from kinelog.cassandra_session.connection import Access, Connection, Row, Statement, Value
from kinelog.registry.cassandra.answers import attempts, tried
from kinelog.registry.errors import RetiredKeyError
from kinelog.registry.signing import PublicKey, Signature

_COLUMNS = "place, key_id, public, endorser, endorsement, retired"
_ALL = f"SELECT {_COLUMNS} FROM {{models}}.keys WHERE registry = 'models'"  # noqa: S608 - names of ours
_ALL_NOW = Statement(_ALL, Access.LINEARIZABLE_READ)
_ALL_SOON = Statement(_ALL, Access.READ)
_ADD = Statement(
    "INSERT INTO {models}.keys (registry, key_id, place, public, endorser, endorsement, retired)"
    " VALUES ('models', ?, ?, ?, ?, ?, false) IF NOT EXISTS",
    Access.CONDITIONAL,
)
_ENDORSE = Statement(
    "UPDATE {models}.keys SET endorser = ?, endorsement = ? WHERE registry = 'models' AND key_id = ?"
    " IF retired = false AND endorsement = null",
    Access.CONDITIONAL,
)
_RETIRE = Statement(
    "UPDATE {models}.keys SET retired = true WHERE registry = 'models' AND key_id = ? IF EXISTS", Access.CONDITIONAL
)


class TrustedKeys:
    """The table `keys`."""

    def __init__(self, connection: Connection) -> None:
        """Use a connection, which stays its owner's."""
        self._connection = connection
        self._where = f"keyspace {connection.keyspaces.models}"

    def add(self, key: PublicKey) -> None:
        """Trust a key; an endorsement that comes later is kept too.

        Raises:
            RetiredKeyError: It was retired.
        """
        endorsed = (None, None) if key.endorsement is None else (key.endorsement.key_id, key.endorsement.value)
        for _ in attempts(self._where, f"whether key {key.key_id} is trusted"):
            rows = self._connection.ask(_ALL_NOW)
            there = [row for row in rows if row[1] == key.key_id]
            if there and there[0][5]:
                message = f"key {key.key_id} was retired: make a new one with `kinelog model key rotate`"
                raise RetiredKeyError(message)
            if not there:
                # Two that are added at the same moment may share a place; then their ids order them.
                values: tuple[Value, ...] = (key.key_id, len(rows) + 1, key.public, *endorsed)
                tried(self._connection, _ADD, values)
            elif key.endorsement is None or there[0][4] is not None:
                return
            else:
                tried(self._connection, _ENDORSE, (*endorsed, key.key_id))

    def retire(self, key_id: str) -> None:
        """Trust it no more."""
        for _ in attempts(self._where, f"whether key {key_id} is retired"):
            if tried(self._connection, _RETIRE, (key_id,)) is not None:
                return

    def listed(self, *, retired: bool) -> list[PublicKey]:
        """Keys that were retired, or those that were not, in the order in which they were added."""
        rows = sorted(self._connection.ask(_ALL_SOON), key=lambda row: (int(row[0] or 0), str(row[1])))
        return [_key(row) for row in rows if bool(row[5]) is retired]


def _key(row: Row) -> PublicKey:
    _, _, public, endorser, endorsement, _ = row
    signed = isinstance(endorser, str) and isinstance(endorsement, bytes)
    return PublicKey(
        public if isinstance(public, bytes) else b"",
        Signature(str(endorser), endorsement) if signed and isinstance(endorsement, bytes) else None,
    )
