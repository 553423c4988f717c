"""The mark of a copy beside the log in Cassandra: one row of `meta`, replaced only by who knows what it said before."""

from __future__ import annotations

from kinelog.cassandra_session.connection import Access, Connection, Statement
from kinelog.cassandra_session.errors import UnknownWriteError
from kinelog.journal.cassandra.store_errors import as_journal_errors
from kinelog.journal.copy_mark import CopyMark, CopyMarks, copied_by_another
from kinelog.journal.errors import UnavailableError
from typing_extensions import override

ATTEMPTS = 5

_KEY = "copy"
_READ = Statement("SELECT value FROM {log}.meta WHERE key = ?", Access.LINEARIZABLE_READ)
_FIRST = Statement("INSERT INTO {log}.meta (key, value) VALUES (?, ?) IF NOT EXISTS", Access.CONDITIONAL)
_NEXT = Statement("UPDATE {log}.meta SET value = ? WHERE key = ? IF value = ?", Access.CONDITIONAL)


class CassandraCopyMarks(CopyMarks):
    """Written by conditional statements only, as everything in `meta`."""

    def __init__(self, connection: Connection) -> None:
        """Use this connection, which stays its owner's."""
        self._connection = connection

    @override
    def read(self) -> CopyMark | None:
        with as_journal_errors():
            rows = self._connection.ask(_READ, (_KEY,))
        return CopyMark.decoded(str(rows[0][0])) if rows else None

    @override
    def replace(self, known: CopyMark | None, mark: CopyMark) -> None:
        for _ in range(ATTEMPTS):
            try:
                with as_journal_errors():
                    applied = self._write(known, mark)
            except UnavailableError as error:
                if not isinstance(error.__cause__, UnknownWriteError):
                    raise
                # Made again it does no harm: marks only go forward, so one that comes late finds another than it knew.
                continue
            if applied or self.read() == mark:
                return
            raise copied_by_another()
        raise UnavailableError(f"Cassandra does not say in {ATTEMPTS} attempts what became of the copy's mark")

    def _write(self, known: CopyMark | None, mark: CopyMark) -> bool:
        if known is None:
            return self._connection.conditional(_FIRST, (_KEY, mark.encoded())).applied
        return self._connection.conditional(_NEXT, (mark.encoded(), _KEY, known.encoded())).applied
