"""Tables that decide between writes as a cluster does: the later time wins, a delete wins a tie.

A `Connection` in memory for the statements that the views' store sends: enough of the language to run them, nothing
that is not used. Whoever wants to kill, or to let somebody else run, between two writes sets `before_write`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from kinelog.cassandra_session.connection import (
    Conditional,
    Connection,
    Keyspaces,
    Request,
    Row,
    Statement,
    Traced,
    Value,
)
from kinelog.cassandra_session.errors import CassandraError, MissingTableError
from typing_extensions import override

Values = tuple[Value, ...]

_CREATE = re.compile(r"CREATE TABLE IF NOT EXISTS (\S+) \((.*), PRIMARY KEY \((.*)\)\)(?: WITH .*)?$", re.DOTALL)
_CREATE_PLAIN = re.compile(r"CREATE TABLE IF NOT EXISTS (\S+) \((\w+) text PRIMARY KEY, (.*)\)$", re.DOTALL)
_ORDER = re.compile(r"WITH CLUSTERING ORDER BY \((.*)\)$")
_INSERT = re.compile(r"INSERT INTO (\S+) \((.*?)\) VALUES \(.*?\)( USING TIMESTAMP \?| IF NOT EXISTS)$")
_DELETE = re.compile(r"DELETE FROM (\S+) USING TIMESTAMP \? WHERE (.*)$")
_SELECT = re.compile(r"SELECT (.*?) FROM (\S+) WHERE (.*)$")
_UPDATE = re.compile(r"UPDATE (\S+) SET (.*) WHERE (\w+) = \? IF (\w+) = \?$")


@dataclass
class _Table:
    """A table.

    Attributes:
        cells: By partition, clustering key and column: time and value. Column "" is the row's own mark.
        deletes: By partition: times of deletes, by the start of the clustering key that they are for.
    """

    columns: tuple[str, ...]
    partition: tuple[str, ...]
    clustering: tuple[str, ...]
    descending: frozenset[str] = frozenset()
    cells: dict[Values, dict[Values, dict[str, tuple[int, Value]]]] = field(default_factory=dict)
    deletes: dict[Values, dict[Values, int]] = field(default_factory=dict)

    def put(self, values: dict[str, Value], at: int) -> None:
        partition = tuple(values[name] for name in self.partition)
        clustering = tuple(values[name] for name in self.clustering)
        assert None not in partition + clustering, "a key has no nulls"
        cells = self.cells.setdefault(partition, {}).setdefault(clustering, {})
        for name in ("", *values):
            written = (at, values.get(name))
            before = cells.get(name)
            if before is None or before[0] < at or (before[0] == at and repr(before[1]) < repr(written[1])):
                cells[name] = written

    def delete(self, values: dict[str, Value], at: int) -> None:
        partition = tuple(values[name] for name in self.partition)
        start = tuple(values[name] for name in self.clustering if name in values)
        deletes = self.deletes.setdefault(partition, {})
        deletes[start] = max(deletes.get(start, at), at)

    def rows(self, given: dict[str, Value]) -> Iterator[dict[str, Value]]:
        """Rows of a partition, those whose clustering key starts with what is given."""
        partition = tuple(given[name] for name in self.partition)
        start = tuple(given[name] for name in self.clustering if name in given)
        yield from self._rows_of(partition, start)

    def everything(self) -> list[dict[str, Value]]:
        """All rows of all partitions."""
        return [row for partition in self.cells for row in self._rows_of(partition, ())]

    def _rows_of(self, partition: Values, start: Values) -> Iterator[dict[str, Value]]:
        deletes = self.deletes.get(partition, {})
        found = self.cells.get(partition, {})
        keys = [key for key in found if key[: len(start)] == start]
        for place in reversed(range(len(self.clustering))):
            keys.sort(key=lambda key: key[place], reverse=self.clustering[place] in self.descending)  # type: ignore[arg-type,return-value]  # columns of one type; used at once
        for clustering in keys:
            gone = max((at for prefix, at in deletes.items() if clustering[: len(prefix)] == prefix), default=-1)
            live = {name: value for name, (at, value) in found[clustering].items() if at > gone}
            if live:
                values = dict.fromkeys(self.columns) | live
                values |= dict(zip(self.partition + self.clustering, partition + clustering, strict=True))
                del values[""]
                yield values


class TimestampedTables(Connection):
    """The cluster. Everything that is written is there at once, unless `before_write` raises.

    Attributes:
        before_write: Called before each group of a `write_all` and each single write.
        writes: Statements written.
    """

    replication = 1

    def __init__(self, definitions: Iterable[str] = ()) -> None:
        self.keyspaces = Keyspaces.of("model")
        self.tables: dict[str, _Table] = {}
        self.before_write: Callable[[], None] = lambda: None
        self.writes = 0
        for cql in definitions:
            self.define(cql)

    @override
    def ask(self, statement: Statement, values: Values = ()) -> list[Row]:
        if (match := _SELECT.match(statement.cql)) is not None:
            names, table, where = match.groups()
            given = dict(zip(_conditions(where), values, strict=True))
            wanted = _names(names)
            return [tuple(row[name] for name in wanted) for row in self._table(table).rows(given)]
        self.write_all([[(statement, values)]])
        return []

    @override
    def conditional(self, statement: Statement, values: Values) -> Conditional:
        self.before_write()
        if (match := _INSERT.match(statement.cql)) is not None:
            name, columns, _ = match.groups()
            row = dict(zip(_names(columns), values, strict=True))
            table = self._table(name)
            current = list(table.rows(row))
            if not current:
                table.put(row, 1)
            return Conditional(applied=not current, current=current[0] if current else {})
        match = _UPDATE.match(statement.cql)
        assert match is not None, statement.cql
        name, sets, key, condition = match.groups()
        *changed, identity, expected = values
        table = self._table(name)
        (found,) = table.rows({key: identity})
        if found[condition] != expected:
            return Conditional(applied=False, current=found)
        new = dict(zip(_conditions(sets.replace(",", " AND")), changed, strict=True))
        times = [at for at, _ in table.cells[identity,][()].values()]
        table.put({key: identity, **new}, max(times) + 1)
        return Conditional(applied=True, current={})

    @override
    def ask_soon(
        self, statement: Statement, values: Values, done: Callable[[list[Row] | CassandraError], None]
    ) -> None:
        done(self.ask(statement, values))

    @override
    def conditional_soon(
        self, statement: Statement, values: Values, done: Callable[[Conditional | CassandraError], None]
    ) -> None:
        done(self.conditional(statement, values))

    @override
    def ask_all(self, requests: Iterable[Request], in_flight: int = 64) -> list[list[Row]]:
        return [self.ask(*request) for request in requests]

    @override
    def write_all(self, batches: Iterable[Sequence[Request]], in_flight: int = 32) -> None:
        for group in batches:
            if group:
                self.before_write()
                for request in group:
                    self._write(*request)

    @override
    def define(self, cql: str) -> None:
        if cql.startswith("DROP TABLE"):
            self.tables.pop(cql.rsplit(maxsplit=1)[-1], None)
            return
        cql = " ".join(cql.split())
        if (plain := _CREATE_PLAIN.match(cql)) is not None:
            name, key, columns = plain.groups()
            made = _Table((key, *(part.split()[0] for part in columns.split(", "))), (key,), ())
        else:
            match = _CREATE.match(cql)
            assert match is not None, cql
            name, columns, keys = match.groups()
            partition, _, clustering = keys.partition(")")
            order = _ORDER.search(cql)
            made = _Table(
                tuple(_names(", ".join(part.split()[0] for part in columns.split(", ")))),
                tuple(_names(partition.lstrip("("))),
                tuple(_names(clustering.strip(", "))) if clustering.strip(", ") else (),
                frozenset(
                    part.split()[0].strip('"')
                    for part in (order.group(1) if order else "").split(", ")
                    if "DESC" in part
                ),
            )
        self.tables.setdefault(name, made)

    @override
    def traced(self, statement: Statement, values: Values = ()) -> Traced:
        raise NotImplementedError("nothing is traced in memory")

    @override
    def close(self) -> None:
        """Nothing to close."""

    def rows_of(self, table: str) -> list[tuple[Value, ...]]:
        """All rows of a table, in an order of their own."""
        return sorted((tuple(row.values()) for row in self._table(f"{{views}}.{table}").everything()), key=repr)

    def _write(self, statement: Statement, values: Values) -> None:
        self.writes += 1
        if (match := _INSERT.match(statement.cql)) is not None:
            name, columns, using = match.groups()
            assert using == " USING TIMESTAMP ?", "a write that no position orders"
            row = dict(zip(_names(columns), values[:-1], strict=True))
            assert None not in row.values(), f"a null in {name}"
            self._table(name).put(row, _time(values[-1]))
            return
        match = _DELETE.match(statement.cql)
        assert match is not None, statement.cql
        name, where = match.groups()
        self._table(name).delete(dict(zip(_conditions(where), values[1:], strict=True)), _time(values[0]))

    def _table(self, name: str) -> _Table:
        found = self.tables.get(name)
        if found is None:
            raise MissingTableError(f"{name} does not exist")
        return found


def _time(value: Value) -> int:
    assert isinstance(value, int)
    return value


def _names(text: str) -> list[str]:
    return [name.strip().strip('"') for name in text.split(",")]


def _conditions(text: str) -> list[str]:
    return [condition.split("=")[0].strip().strip('"') for condition in text.split(" AND ")]
