"""Keys in Cassandra: two nodes that enrol one name at the same moment come to one person with one key.

An enrolment is two conditional writes: the name is claimed for a pseudonym, then the pseudonym gets its key. Whoever
finds a claim without a key, because its maker died or is slow, gives it one; the first key stays. A write with an
unknown outcome is simply made again: it answers that it was applied, or what is there instead. So nothing has to be
judged, nothing is left over, and there is never a second pseudonym.

Both tables are written by conditional statements only. Who was erased leaves an empty row behind: an enrolment that was
held up on its way can never bring a key in after the erasure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from kinelog.cassandra_session.connection import Access, Conditional, Connection, Statement, Value
from kinelog.cassandra_session.store_errors import until_known
from kinelog.privacy.cassandra_answers import answering
from kinelog.privacy.errors import IncompatibleKeyStoreError, KeyStoreUnavailableError
from kinelog.privacy.key_table import KeyRecord, KeyTable, Person
from typing_extensions import override

LAYOUT = b"1"
TRIES = 5
"""How often a conditional write is made before the cluster counts as unable to answer."""

_KNOWN = 200_000
_GONE = ""
"""Key id of a row that an erasure left empty."""

_META = Statement("SELECT key, value FROM {keys}.meta", Access.READ)
_SET_META = Statement("INSERT INTO {keys}.meta (key, value) VALUES (?, ?) IF NOT EXISTS", Access.CONDITIONAL)

_HOLDER = Statement("SELECT tenant, pseudonym FROM {keys}.names WHERE name_tag = ?", Access.READ)
_CLAIM = Statement(
    "INSERT INTO {keys}.names (name_tag, tenant, pseudonym) VALUES (?, ?, ?) IF NOT EXISTS", Access.CONDITIONAL
)
_RELEASE = Statement("DELETE FROM {keys}.names WHERE name_tag = ? IF tenant = ? AND pseudonym = ?", Access.CONDITIONAL)

_RECORD = Statement(
    "SELECT key_id, wrapped, name_tag, sealed_name FROM {keys}.people WHERE tenant = ? AND pseudonym = ?", Access.READ
)
_RECORD_NOW = Statement(_RECORD.cql, Access.LINEARIZABLE_READ)
_INSERT = Statement(
    "INSERT INTO {keys}.people (tenant, pseudonym, key_id, wrapped, name_tag, sealed_name)"
    " VALUES (?, ?, ?, ?, ?, ?) IF NOT EXISTS",
    Access.CONDITIONAL,
)
_EMPTY = Statement(
    "UPDATE {keys}.people SET key_id = '', wrapped = null, name_tag = null, sealed_name = null"
    " WHERE tenant = ? AND pseudonym = ? IF key_id = ?",
    Access.CONDITIONAL,
)
_ALL = Statement(
    "SELECT token(tenant, pseudonym), tenant, pseudonym, key_id, wrapped, name_tag, sealed_name FROM {keys}.people"
    " WHERE token(tenant, pseudonym) >= ? LIMIT 500",
    Access.READ,
)
_FIRST_TOKEN = -(1 << 63)


class CassandraKeyTable(KeyTable):
    """The tables of the keyspace of keys."""

    def __init__(self, connection: Connection) -> None:
        """Use this connection, which stays its owner's."""
        self.where = f"keyspace {connection.keyspaces.keys}"
        self._connection = connection
        self._with_key: set[Person] = set()

    @override
    def claim(self, check: bytes) -> bytes:
        with answering(self.where):
            meta = self._meta()
            if "check" not in meta:
                # Only here is anything written: a process that may only read finds both rows.
                self._conditional(_SET_META, ("layout", LAYOUT))
                self._conditional(_SET_META, ("check", check))
                meta = self._meta()
        if meta.get("layout") != LAYOUT:
            message = f"{self.where} has layout {meta.get('layout')!r}, this version reads {LAYOUT!r}"
            raise IncompatibleKeyStoreError(f"{message}: use the version of then")
        return meta["check"]

    @override
    def named(self, name_tag: bytes) -> Person | None:
        with answering(self.where):
            holder = self._holder(name_tag)
        if holder is None or (holder not in self._with_key and self.find(holder) is None):
            return None  # a claim without a key is an enrolment that is not over
        return holder

    @override
    def find(self, person: Person) -> KeyRecord | None:
        with answering(self.where):
            rows = self._connection.ask(_RECORD, person)
        record = _record(*rows[0]) if rows else None
        if record is not None:
            self._remember(person)
        return record

    @override
    def add(self, person: Person, name_tag: bytes | None, make: Callable[[Person], KeyRecord]) -> Person:
        with answering(self.where):
            for _ in range(TRIES):
                holder = person if name_tag is None else self._claim_name(name_tag, person)
                record = make(holder)
                there = self._conditional(_INSERT, (*holder, *record))
                if there.applied or there.current["key_id"] != _GONE or name_tag is None:
                    self._remember(holder)
                    return holder
                # The name is held by somebody erased, whose claim came in late: whoever comes now is somebody new.
                self._conditional(_RELEASE, (name_tag, *holder))
        raise KeyStoreUnavailableError(f"{self.where}: a name is claimed for the erased again and again")

    @override
    def erase(self, people: Iterable[Person]) -> int:
        listed = list(people)
        with answering(self.where):
            found = self._connection.ask_all([(_RECORD, person) for person in listed])
            # Whoever has no row yet needs an empty one too: an enrolment may still be on its way.
            left = [person for person, rows in zip(listed, found, strict=True) if not rows or rows[0][0] != _GONE]
            return sum(self._empty(person) for person in left)

    @override
    def records(self) -> Iterator[tuple[Person, KeyRecord]]:
        token = _FIRST_TOKEN
        at_token: set[Person] = set()
        while True:
            with answering(self.where):
                rows = self._connection.ask(_ALL, (token,))
            fresh = [row for row in rows if (row[1], row[2]) not in at_token]
            for row in fresh:
                person = (str(row[1]), str(row[2]))
                # Two people with one token are as good as impossible, and must not be lost where a page ends.
                if row[0] != token:
                    token, at_token = int(row[0] or 0), set()
                at_token.add(person)
                record = _record(*row[3:])
                if record is not None:
                    yield person, record
            if not fresh:
                return

    @override
    def close(self) -> None:
        """The connection is its owner's."""

    def _meta(self) -> dict[str, bytes]:
        rows = self._connection.ask(_META)
        return {key: value for key, value in rows if isinstance(key, str) and isinstance(value, bytes)}

    def _holder(self, name_tag: bytes) -> Person | None:
        rows = self._connection.ask(_HOLDER, (name_tag,))
        return (str(rows[0][0]), str(rows[0][1])) if rows else None

    def _claim_name(self, name_tag: bytes, person: Person) -> Person:
        """Who has the name from now on."""
        there = self._conditional(_CLAIM, (name_tag, *person))
        return person if there.applied else (str(there.current["tenant"]), str(there.current["pseudonym"]))

    def _empty(self, person: Person) -> bool:
        """Take name and key from a person; whether there was a key."""
        had = False
        for _ in range(TRIES):
            # Linearizable: an enrolment that is in progress is finished first, and then erased.
            rows = self._connection.ask(_RECORD_NOW, person)
            if not rows:
                if self._conditional(_INSERT, (*person, _GONE, None, None, None)).applied:
                    return had
                continue
            key_id, _, name_tag, _ = rows[0]
            if key_id == _GONE:
                return had
            had = True
            # The name first: it is found by the row that is emptied next.
            if name_tag is not None:
                self._conditional(_RELEASE, (name_tag, *person))
            if self._conditional(_EMPTY, (*person, key_id)).applied:
                return had
        raise KeyStoreUnavailableError(f"{self.where}: a person could not be erased in {TRIES} tries")

    def _conditional(self, statement: Statement, values: tuple[Value, ...]) -> Conditional:
        """Run a conditional write that may be made again, until its outcome is known."""
        return until_known(self._connection, statement, values, TRIES)

    def _remember(self, person: Person) -> None:
        if len(self._with_key) >= _KNOWN:
            self._with_key.clear()
        self._with_key.add(person)


def _record(key_id: Value, wrapped: Value, name_tag: Value, sealed_name: Value) -> KeyRecord | None:
    if not isinstance(key_id, str) or not isinstance(wrapped, bytes):
        return None  # left empty by an erasure
    return KeyRecord(
        key_id,
        wrapped,
        name_tag if isinstance(name_tag, bytes) else None,
        sealed_name if isinstance(sealed_name, bytes) else None,
    )
