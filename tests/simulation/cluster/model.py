"""A cluster in memory: runs statements one after the other, conditional ones linearised.

What it keeps of the real one's awkwardness: the newest timestamp wins, whoever comes last; a conditional write whose
answer was lost may be decided and still invisible to ordinary reads, until something linearizable touches the
partition.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kinelog.cassandra_session.connection import Access, Conditional, Keyspaces, Row, Statement, Value
from kinelog.cassandra_session.errors import MissingTableError

from tests.simulation.cluster.cql import CreateTable, DropTable, Mark, Relation, Select, Term, Write, parse
from tests.simulation.cluster.tables import NEVER, Cell, Key, Partition, RangeDeletion, StoredRow, Table, holds, row_of

Values = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Undecided:
    """A conditional write that was accepted and that no ordinary read sees yet."""

    write: Write
    values: Values
    timestamp: int


@dataclass(frozen=True, slots=True)
class Current:
    """What a conditional write finds: statics and row.

    Attributes:
        exists: Whether the row is there (for a write to statics only: any static).
    """

    exists: bool
    columns: dict[str, Value]


class Cluster:
    """Tables by name.

    Attributes:
        clock_us: What an ordinary write without a timestamp of its own gets, microseconds.
        by_the_clock: Tables in which the timestamps that writes state are not heeded: what a rule guards against.
    """

    def __init__(self, clock_us: Callable[[], int], keyspaces: Keyspaces) -> None:
        self.clock_us = clock_us
        self.keyspaces = keyspaces
        self.tables: dict[str, Table] = {}
        self.statements = 0
        self.by_the_clock: Container[str] = frozenset()
        self._ballot = 0
        self._accepted: dict[tuple[str, Key], Undecided] = {}
        self._texts: dict[str, str] = {}

    # ── statements ───────────────────────────────────────────────────────────────────────────────────────────────

    def define(self, cql: str) -> None:
        """Run a statement that changes the schema; keyspaces, roles and alterations are nobody's business here."""
        text = self._named(cql)
        if text.lstrip().upper().startswith(("CREATE KEYSPACE", "USE ", "GRANT", "ALTER KEYSPACE")):
            return
        parsed = parse(text)
        if isinstance(parsed, CreateTable):
            self.tables.setdefault(parsed.table, Table(parsed))
        elif isinstance(parsed, DropTable):
            self.tables.pop(parsed.table, None)
        else:
            raise TypeError(f"changes no schema: {cql}")

    def ask(self, statement: Statement, values: Values, sent_us: int | None = None) -> list[Row]:
        """A read, or a write without condition; `sent_us`: what its client's clock said, if that was not just now."""
        self.statements += 1
        parsed = parse(self._named(statement.cql))
        if isinstance(parsed, Select):
            return self._select(parsed, values, finish=statement.access is Access.LINEARIZABLE_READ)
        if not isinstance(parsed, Write) or parsed.conditional:
            raise TypeError(f"neither read nor ordinary write: {statement.cql}")
        self._write(parsed, values, self._timestamp(parsed, values, self.clock_us() if sent_us is None else sent_us))
        return []

    def conditional(self, statement: Statement, values: Values, *, hidden: bool = False) -> Conditional:
        """A conditional write; `hidden`: decided, and invisible to ordinary reads for now."""
        self.statements += 1
        parsed = parse(self._named(statement.cql))
        if not isinstance(parsed, Write) or not parsed.conditional:
            raise TypeError(f"no conditional write: {statement.cql}")
        table = self._table(parsed.table)
        partition, clustering = self._key_of(table, parsed, values)
        self._finish(parsed.table, partition)
        current = self._current(table, partition, clustering)
        if not _met(parsed, current, values):
            return Conditional(applied=False, current=_shown(parsed, current))
        self._ballot = max(self._ballot + 1, self.clock_us())
        if hidden:
            self._accepted[parsed.table, partition] = Undecided(parsed, values, self._ballot)
        else:
            self._write(parsed, values, self._ballot)
        return Conditional(applied=True, current={})

    def batch(self, requests: Sequence[tuple[Statement, Values]], sent_us: int) -> None:
        """Ordinary writes, all of them."""
        for statement, values in requests:
            self.ask(statement, values, sent_us)

    def settle(self) -> None:
        """Let everything that was decided be seen."""
        for table, partition in list(self._accepted):
            self._finish(table, partition)

    def _table(self, name: str) -> Table:
        found = self.tables.get(name)
        if found is None:
            raise MissingTableError(f"{name} does not exist")
        return found

    def _named(self, cql: str) -> str:
        text = self._texts.get(cql)
        if text is None:
            spaces = self.keyspaces
            text = self._texts[cql] = (
                cql.replace("{log}", spaces.log).replace("{keys}", spaces.keys).replace("{views}", spaces.views)
            )
        return text

    def _timestamp(self, write: Write, values: Values, sent_us: int) -> int:
        stated = None if write.table in self.by_the_clock else _bound(write.timestamp, values)
        return stated if isinstance(stated, int) else sent_us

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _finish(self, table: str, partition: Key) -> None:
        undecided = self._accepted.pop((table, partition), None)
        if undecided is not None:
            self._write(undecided.write, undecided.values, undecided.timestamp)

    def _key_of(self, table: Table, write: Write, values: Values) -> tuple[Key, Key | None]:
        """Partition key, and clustering key if the write names a whole one."""
        named = {relation.columns[0]: _bound(relation.terms[0], values) for relation in write.where}
        named |= {column: _bound(term, values) for column, term in write.values}
        layout = table.layout
        partition = tuple(named[column] for column in layout.partition)
        if not all(column in named for column in layout.clustering):
            return partition, None
        return partition, tuple(named[column] for column in layout.clustering)

    def _write(self, write: Write, values: Values, timestamp: int) -> None:
        table = self._table(write.table)
        if write.deletes and not write.values:
            self._remove(table, write, values, timestamp)
            return
        for key, clustering in self._targets(table, write, values):
            self._put(table, table.partition(key), clustering, write, values, timestamp)

    def _targets(self, table: Table, write: Write, values: Values) -> Iterator[tuple[Key, Key | None]]:
        yield self._key_of(table, write, values)

    def _put(
        self, table: Table, partition: Partition, clustering: Key | None, write: Write, values: Values, timestamp: int
    ) -> None:
        layout = table.layout
        keys = {*layout.partition, *layout.clustering}
        for column, term in write.values:
            if column in keys:
                continue
            if column not in layout.columns:
                raise LookupError(f"{write.table} has no column {column}")
            row = partition.static if column in layout.static else partition.row(_whole(clustering, write))
            row.put(column, Cell(_bound(term, values), timestamp))
        if write.marks_row:
            row = partition.static if clustering is None else partition.row(clustering)
            row.marked = max(row.marked, timestamp)

    def _remove(self, table: Table, write: Write, values: Values, timestamp: int) -> None:
        named = {relation.columns[0]: relation for relation in write.where}
        layout = table.layout
        partition = table.partition(tuple(_bound(named[column].terms[0], values) for column in layout.partition))
        bounds = tuple(
            (layout.clustering.index(relation.columns[0]), relation.operator, _bound(relation.terms[0], values))
            for relation in write.where
            if relation.columns[0] not in layout.partition
        )
        if not bounds:
            partition.deleted = max(partition.deleted, timestamp)
        elif len(bounds) == len(layout.clustering) and all(operator == "=" for _, operator, _ in bounds):
            row: StoredRow = partition.row(tuple(value for _, _, value in sorted(bounds, key=lambda one: one[0])))
            row.deleted = max(row.deleted, timestamp)
        else:
            partition.ranges.append(RangeDeletion(bounds, timestamp))

    # ── conditions ───────────────────────────────────────────────────────────────────────────────────────────────

    def _current(self, table: Table, key: Key, clustering: Key | None) -> Current | None:
        partition = table.partitions.get(key)
        if partition is None:
            return None
        static = partition.live_static()
        row = None if clustering is None else partition.live(clustering)
        if row is None and not static:
            return None
        exists = bool(static) if clustering is None else row is not None
        return Current(exists, row_of(table.layout, key, clustering or (), static | (row or {})))

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _select(self, select: Select, values: Values, *, finish: bool) -> list[Row]:
        table = self._table(select.table)
        limit = _bound(select.limit, values)
        found: list[Row] = []
        for key in self._asked_partitions(table, select, values):
            if finish:
                self._finish(select.table, key)
            partition = table.partitions.get(key)
            if partition is None:
                continue
            rows = self._rows(table, partition, key, select, values)
            found += [tuple(_shown_value(name, row, partition, table) for name in select.columns) for row in rows]
        return found[:limit] if isinstance(limit, int) else found

    def _asked_partitions(self, table: Table, select: Select, values: Values) -> list[Key]:
        named = {one.columns[0]: one for one in select.where if len(one.columns) == 1}
        if not all(column in named for column in table.layout.partition):
            if named:
                raise LookupError(f"would need ALLOW FILTERING: {select}")
            return sorted(table.partitions, key=repr)
        keys: list[Key] = [()]
        for column in table.layout.partition:
            relation = named[column]
            keys = [(*key, value) for key in keys for value in _listed(relation, values)]
        return keys

    def _rows(
        self, table: Table, partition: Partition, key: Key, select: Select, values: Values
    ) -> list[dict[str, Value]]:
        layout = table.layout
        static = partition.live_static()
        narrowed = [one for one in select.where if one.columns[0] not in layout.partition]
        if select.distinct or set(select.columns) <= layout.static | set(layout.partition):
            if static or any(partition.live(clustering) is not None for clustering in partition.rows):
                return [row_of(layout, key, (), static)]
            return []
        falls = select.order[:1] and select.order[0][1] != (select.order[0][0] in layout.descending)
        limits = [_bound(select.per_partition, values), _bound(select.limit, values)]
        most = min((limit for limit in limits if isinstance(limit, int)), default=len(partition.rows) + 1)
        wanted = [_asked_of_key(layout, one, values) for one in narrowed]
        found: list[dict[str, Value]] = []
        for clustering in table.in_order(partition, reverse=bool(falls)):
            if all(asks(clustering) for asks in wanted):
                row = partition.live(clustering)
                if row is not None:
                    found.append(row_of(layout, key, clustering, static | row))
                    if len(found) >= most:
                        break
        if not found and not narrowed and static:
            found.append(row_of(layout, key, (), static))
        return found


def _asked_of_key(layout: CreateTable, relation: Relation, values: Values) -> Callable[[Key], bool]:
    """What a relation asks of a clustering key.

    Raises:
        LookupError: It asks about another column.
    """
    if not set(relation.columns) <= set(layout.clustering):
        raise LookupError(f"would need ALLOW FILTERING: {relation} of {layout.table}")
    places = [layout.clustering.index(column) for column in relation.columns]
    place, operator = places[0], relation.operator
    if operator == "IN":
        listed = _listed(relation, values)
        return lambda key: key[place] in listed
    asked = tuple(_bound(term, values) for term in relation.terms)
    if len(places) == 1:
        return lambda key: holds(key[place], operator, asked[0])
    # Tuples compare as their columns do, one after the other.
    return lambda key: holds(tuple(key[one] for one in places), operator, asked)


def _whole(clustering: Key | None, write: Write) -> Key:
    if clustering is None:
        raise LookupError(f"a row of {write.table} is written without its whole key")
    return clustering


def _bound(term: Term, values: Values) -> Value:
    return values[term.number] if isinstance(term, Mark) else term


def _listed(relation: Relation, values: Values) -> list[Value]:
    bound = [_bound(term, values) for term in relation.terms]
    return list(bound[0]) if relation.spread else bound  # type: ignore[arg-type]  # `IN ?` takes a list


def _relation_holds(relation: Relation, row: Mapping[str, Value], values: Values) -> bool:
    """Whether a condition of a conditional write holds."""
    known = row.get(relation.columns[0])
    if relation.operator == "IN":
        return known in _listed(relation, values)
    return holds(known, relation.operator, _bound(relation.terms[0], values))


def _met(write: Write, current: Current | None, values: Values) -> bool:
    exists = current is not None and current.exists
    if write.if_absent:
        return not exists
    if write.if_present:
        return exists
    columns = {} if current is None else current.columns
    return all(_relation_holds(one, columns, values) for one in write.conditions)


def _shown(write: Write, current: Current | None) -> dict[str, Value]:
    """What a write that was not applied answers: the columns it asked about, or the whole row."""
    if current is None:
        return {}
    if not write.conditions:
        return current.columns
    return {column: current.columns.get(column) for one in write.conditions for column in one.columns}


def _shown_value(name: str, row: Mapping[str, Value], partition: Partition, table: Table) -> Value:
    if not name.startswith("writetime("):
        return row.get(name)
    column = name[len("writetime(") : -1]
    if column in table.layout.static:
        cell = partition.static.cells.get(column)
    else:
        cell = partition.row(tuple(row[one] for one in table.layout.clustering)).cells.get(column)
    return None if cell is None or cell.timestamp == NEVER else cell.timestamp
