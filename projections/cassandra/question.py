"""One question to the query tables: answered from one generation of each view, whatever is switched meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from kinelog.cassandra_session.connection import Access, Connection, Request, Row, Statement, Value
from kinelog.projections.cassandra.layout import QueryTable
from kinelog.projections.cassandra.registry import Document
from kinelog.projections.errors import ViewsUnavailableError
from kinelog.projections.views import ALL_VIEWS, VIEWS

_VIEW_OF_SOURCE = {table.name: view.name for view in ALL_VIEWS for table in view.tables}


@lru_cache(maxsize=1024)
def _select(stored_name: str, columns: str, where: str) -> Statement:
    # all parts are ours; values are bound
    return Statement(f"SELECT {columns} FROM {{views}}.{stored_name} WHERE {where}", Access.READ)  # noqa: S608


class Question:
    """Reads of one question."""

    def __init__(self, connection: Connection, document: Document) -> None:
        """Answer from the generations that are live by this registry."""
        self._connection = connection
        self.live = {found.view: found for found in document.generations if found.state == "live"}

    def generation(self, view: str) -> int:
        """The generation of a view that the answer comes from.

        Raises:
            ViewsUnavailableError: The view is not there, or of another version than this code's.
        """
        found = self.live.get(view)
        if found is None or found.version != VIEWS[view].version:
            raise ViewsUnavailableError(
                f"view {view} is not there in this version (yet); `kinelog project` of this version makes it"
            )
        return found.generation

    def request(self, table: QueryTable, columns: str, where: str, values: tuple[Value, ...]) -> Request:
        """A read of a query table.

        Args:
            table: Of whatever view.
            columns: What to read, as in CQL.
            where: Everything behind WHERE, with `?` for values; the whole partition key is in it.
            values: For the marks.

        Raises:
            ViewsUnavailableError: As `generation`.
        """
        generation = self.generation(_VIEW_OF_SOURCE[table.source])
        return _select(table.stored_name(generation), columns, where), values

    def rows(self, table: QueryTable, columns: str, where: str, values: tuple[Value, ...]) -> list[Row]:
        """Read rows of a query table, see `request`."""
        return self._connection.ask(*self.request(table, columns, where, values))

    def ask(self, statement: Statement, values: tuple[Value, ...]) -> list[Row]:
        """Read from a table that belongs to no generation."""
        return self._connection.ask(statement, values)

    def all(self, requests: Iterable[Request]) -> list[list[Row]]:
        """Read from many partitions side by side; answers in the order of requests."""
        return self._connection.ask_all(requests)
