"""As much of CQL as the stores use, taken apart: so that the simulation runs their very statements, word for word."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from kinelog.cassandra_session.connection import Value

_TOKEN = re.compile(r"\s*('(?:[^']|'')*'|\"\w+\"|[A-Za-z_][\w.]*|-?\d+(?:\.\d+)?|>=|<=|!=|[?=<>(),*{}:+])")


@dataclass(frozen=True, slots=True)
class Mark:
    """The `n`-th question mark of a statement."""

    number: int


Term = Mark | Value


@dataclass(frozen=True, slots=True)
class Relation:
    """`columns operator terms`: one column and term each, except for `IN` (several terms) and tuples (several of both).

    Attributes:
        spread: `IN ?`: the one mark stands for a list.
    """

    columns: tuple[str, ...]
    operator: str
    terms: tuple[Term, ...]
    spread: bool = False


@dataclass(frozen=True, slots=True)
class CreateTable:
    table: str
    columns: tuple[str, ...]
    static: frozenset[str]
    partition: tuple[str, ...]
    clustering: tuple[str, ...]
    descending: frozenset[str]


@dataclass(frozen=True, slots=True)
class DropTable:
    table: str


@dataclass(frozen=True, slots=True)
class Select:
    table: str
    columns: tuple[str, ...]
    distinct: bool
    where: tuple[Relation, ...]
    order: tuple[tuple[str, bool], ...] = ()
    limit: Term = None
    per_partition: Term = None


@dataclass(frozen=True, slots=True)
class Write:
    """An `INSERT`, `UPDATE` or `DELETE`.

    Attributes:
        marks_row: An `INSERT`, after which the row exists without any column.
        deletes: The whole row, range or partition goes, unless `values` names columns.
        conditions: What `IF` asks for; None for a write without condition.
        if_absent: `IF NOT EXISTS`; `if_present`: `IF EXISTS`.
    """

    table: str
    values: tuple[tuple[str, Term], ...]
    where: tuple[Relation, ...]
    timestamp: Term = None
    marks_row: bool = False
    deletes: bool = False
    conditions: tuple[Relation, ...] = ()
    if_absent: bool = False
    if_present: bool = False

    @property
    def conditional(self) -> bool:
        """Whether it is applied only if something holds."""
        return bool(self.conditions) or self.if_absent or self.if_present


Parsed = CreateTable | DropTable | Select | Write


@dataclass
class _Reader:
    tokens: list[str]
    at: int = 0
    marks: int = 0
    text: str = field(default="", repr=False)

    def peek(self, *words: str) -> bool:
        ahead = self.tokens[self.at : self.at + len(words)]
        return [token.upper() for token in ahead] == list(words)

    def take(self, *words: str) -> bool:
        if self.peek(*words):
            self.at += len(words)
            return True
        return False

    def need(self, *words: str) -> None:
        if not self.take(*words):
            raise SyntaxError(f"{' '.join(words)} expected before {self.tokens[self.at :][:6]} in {self.text}")

    def name(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1].strip('"')

    def names(self) -> tuple[str, ...]:
        self.need("(")
        found = [self.name()]
        while self.take(","):
            found.append(self.name())
        self.need(")")
        return tuple(found)

    def term(self) -> Term:
        token = self.name()
        if token == "?":
            self.marks += 1
            return Mark(self.marks - 1)
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        constants: dict[str, Value] = {"NULL": None, "TRUE": True, "FALSE": False}
        return constants[token.upper()] if token.upper() in constants else int(token)

    def terms(self) -> tuple[Term, ...]:
        self.need("(")
        found = [self.term()]
        while self.take(","):
            found.append(self.term())
        self.need(")")
        return tuple(found)

    def relation(self) -> Relation:
        columns = self.names() if self.peek("(") else (self.name(),)
        operator = self.name().upper()
        if operator == "IN":
            return (
                Relation(columns, "IN", self.terms())
                if self.peek("(")
                else Relation(columns, "IN", (self.term(),), spread=True)
            )
        return Relation(columns, operator, self.terms() if self.peek("(") else (self.term(),))

    def relations(self) -> tuple[Relation, ...]:
        found = [self.relation()]
        while self.take("AND"):
            found.append(self.relation())
        return tuple(found)


@lru_cache(maxsize=4_096)
def parse(text: str) -> Parsed:
    """Take a statement apart.

    Raises:
        SyntaxError: It uses something that is not modelled.
    """
    reader = _Reader(_tokens(text), text=text)
    if reader.take("CREATE", "TABLE"):
        return _create(reader)
    if reader.take("DROP", "TABLE"):
        reader.take("IF", "EXISTS")
        return DropTable(reader.name())
    if reader.take("SELECT"):
        return _select(reader)
    if reader.take("INSERT", "INTO"):
        return _insert(reader)
    if reader.take("UPDATE"):
        return _update(reader)
    if reader.take("DELETE"):
        return _delete(reader)
    raise SyntaxError(f"not modelled: {text}")


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    at, text = 0, text.strip().rstrip(";").rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise SyntaxError(f"not modelled: {text[at : at + 20]!r} in {text}")
        found.append(match[1])
        at = match.end()
    return found


def _create(reader: _Reader) -> CreateTable:
    reader.take("IF", "NOT", "EXISTS")
    table = reader.name()
    columns: list[str] = []
    static: set[str] = set()
    partition: tuple[str, ...] = ()
    clustering: tuple[str, ...] = ()
    reader.need("(")
    while not reader.take(")"):
        if reader.take("PRIMARY", "KEY", "("):
            partition = reader.names() if reader.peek("(") else (reader.name(),)
            clustering = _rest_of_key(reader)
        else:
            columns.append(reader.name())
            reader.name()
            if reader.take("STATIC"):
                static.add(columns[-1])
            if reader.take("PRIMARY", "KEY"):
                partition = (columns[-1],)
        reader.take(",")
    descending = _clustering_order(reader)
    return CreateTable(table, tuple(columns), frozenset(static), partition, clustering, frozenset(descending))


def _rest_of_key(reader: _Reader) -> tuple[str, ...]:
    found: list[str] = []
    while reader.take(","):
        found.append(reader.name())
    reader.need(")")
    return tuple(found)


def _clustering_order(reader: _Reader) -> set[str]:
    """Columns that are kept in falling order; the table's other options change nothing here."""
    while reader.at < len(reader.tokens) and not reader.take("CLUSTERING", "ORDER", "BY"):
        reader.at += 1
    if reader.at >= len(reader.tokens):
        return set()
    reader.need("(")
    found: set[str] = set()
    while not reader.take(")"):
        column = reader.name()
        if reader.take("DESC"):
            found.add(column)
        reader.take("ASC")
        reader.take(",")
    return found


def _select(reader: _Reader) -> Select:
    distinct = reader.take("DISTINCT")
    columns = [_selected(reader)]
    while reader.take(","):
        columns.append(_selected(reader))
    reader.need("FROM")
    table = reader.name()
    where = reader.relations() if reader.take("WHERE") else ()
    order: list[tuple[str, bool]] = []
    if reader.take("ORDER", "BY"):
        order.append(_ordered(reader))
        while reader.take(","):
            order.append(_ordered(reader))
    per_partition = reader.term() if reader.take("PER", "PARTITION", "LIMIT") else None
    limit = reader.term() if reader.take("LIMIT") else None
    _at_end(reader)
    return Select(table, tuple(columns), distinct, where, tuple(order), limit, per_partition)


def _selected(reader: _Reader) -> str:
    name = reader.name()
    if reader.take("("):
        name = f"{name.lower()}({reader.name()})"
        reader.need(")")
    return name


def _ordered(reader: _Reader) -> tuple[str, bool]:
    column = reader.name()
    descending = reader.take("DESC")
    reader.take("ASC")
    return column, descending


def _insert(reader: _Reader) -> Write:
    table = reader.name()
    columns = reader.names()
    reader.need("VALUES")
    values = tuple(zip(columns, reader.terms(), strict=True))
    absent = reader.take("IF", "NOT", "EXISTS")
    timestamp = _using(reader)
    _at_end(reader)
    return Write(table, values, (), timestamp, marks_row=True, if_absent=absent)


def _update(reader: _Reader) -> Write:
    table = reader.name()
    timestamp = _using(reader)
    reader.need("SET")
    values: list[tuple[str, Term]] = []
    while not values or reader.take(","):
        column = reader.name()
        reader.need("=")
        values.append((column, reader.term()))
    reader.need("WHERE")
    where = reader.relations()
    conditions, present = _condition(reader)
    _at_end(reader)
    return Write(table, tuple(values), where, timestamp, conditions=conditions, if_present=present)


def _delete(reader: _Reader) -> Write:
    columns: list[tuple[str, Term]] = []
    while not reader.take("FROM"):
        columns.append((reader.name(), None))
        reader.take(",")
    table = reader.name()
    timestamp = _using(reader)
    reader.need("WHERE")
    where = reader.relations()
    conditions, present = _condition(reader)
    _at_end(reader)
    return Write(table, tuple(columns), where, timestamp, deletes=True, conditions=conditions, if_present=present)


def _condition(reader: _Reader) -> tuple[tuple[Relation, ...], bool]:
    if not reader.take("IF"):
        return (), False
    return ((), True) if reader.take("EXISTS") else (reader.relations(), False)


def _using(reader: _Reader) -> Term:
    return reader.term() if reader.take("USING", "TIMESTAMP") else None


def _at_end(reader: _Reader) -> None:
    if reader.at != len(reader.tokens):
        raise SyntaxError(f"not modelled: {reader.tokens[reader.at :]} in {reader.text}")
