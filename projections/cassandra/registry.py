"""Which generations of which views there are: one document, changed as a whole by conditional writes.

Whatever has to happen at once (several views switched together, one live generation a view) happens in one document.
Readers follow it with a cache of `READERS_CACHE_S`; tables of a retired generation are dropped only after everybody
must have noticed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from kinelog.cassandra_session.connection import Access, Connection, Statement
from kinelog.cassandra_session.errors import UnknownWriteError

READERS_CACHE_S = 1.0
"""How long a reader, or a worker, may go on with a document that it has read."""

REGISTRY = "views"

_READ = Statement("SELECT revision, document FROM {views}.registry WHERE name = ?", Access.READ)
_READ_LAST = Statement("SELECT revision, document FROM {views}.registry WHERE name = ?", Access.LINEARIZABLE_READ)
_FIRST = Statement(
    "INSERT INTO {views}.registry (name, revision, document) VALUES (?, ?, ?) IF NOT EXISTS", Access.CONDITIONAL
)
_NEXT = Statement(
    "UPDATE {views}.registry SET revision = ?, document = ? WHERE name = ? IF revision = ?", Access.CONDITIONAL
)
_ENCODER = msgspec.json.Encoder()


class Registered(msgspec.Struct, frozen=True):
    """A generation of a view.

    Attributes:
        state: `making` (its tables are not all there yet), `building`, `candidate` (live workers fold it too), `live`,
            `retired`.
        incarnation: Of the log that it is folded from.
        tables: Names of its tables in the keyspace.
        retired_at_ms: When it was retired, by the clock of who did it.
    """

    view: str
    version: int
    generation: int
    incarnation: str
    state: str
    tables: tuple[str, ...]
    retired_at_ms: int = 0


class Document(msgspec.Struct, frozen=True):
    """All of it.

    Attributes:
        newest: Highest number that a view's generations ever had: numbers, and names of tables, are not used again.
        maker: Who makes or drops tables at the moment (empty: nobody), until `maker_until_ms` at the longest: two
            makers at once could give the same table two identities.
    """

    generations: tuple[Registered, ...] = ()
    newest: dict[str, int] = {}
    maker: str = ""
    maker_until_ms: int = 0

    def live(self, view: str) -> Registered | None:
        """The generation of a view that readers see."""
        return next((found for found in self.generations if found.view == view and found.state == "live"), None)


_DECODER = msgspec.json.Decoder(Document)


@dataclass(frozen=True)
class Revision:
    """The document as it was read; revision 0: there is none yet."""

    number: int
    document: Document


class Registry:
    """Reads and changes the document. Thread-safe."""

    def __init__(self, connection: Connection) -> None:
        """Use a connection."""
        self._connection = connection

    def read(self) -> Revision:
        """The document; a change that is being made may be missing from it.

        Raises:
            CassandraError: It cannot be read.
        """
        return self._read(_READ)

    def change(self, changed: Callable[[Document], Document | None]) -> Revision | None:
        """Change the document, whatever others change meanwhile.

        Args:
            changed: Makes the next document of the one there is, or None if nothing should change. Called again with a
                newer document when somebody else was faster, or when nobody knows: it must recognise its own work.

        Returns:
            The new document, None if nothing was changed.

        Raises:
            CassandraError: It cannot be read or written.
        """
        while True:
            found = self._read(_READ_LAST)
            document = changed(found.document)
            if document is None:
                return None
            text = _ENCODER.encode(document).decode()
            number = found.number + 1
            try:
                if found.number:
                    outcome = self._connection.conditional(_NEXT, (number, text, REGISTRY, found.number))
                else:
                    outcome = self._connection.conditional(_FIRST, (REGISTRY, number, text))
            except UnknownWriteError:
                time.sleep(0.1)  # what became of it shows in the next read, which finishes what is in flight
                continue
            if outcome.applied:
                return Revision(number, document)

    def _read(self, statement: Statement) -> Revision:
        for revision, document in self._connection.ask(statement, (REGISTRY,)):
            return Revision(int(revision or 0), _DECODER.decode(str(document)))
        return Revision(0, Document())
