"""The log of a store, opened for inspection: read-only, beside whoever serves it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from kinelog.journal.inspection import InspectedLog
from kinelog.service.configuration import EMBEDDED, DataFolder, Settings
from kinelog.service.errors import UnavailableServiceError


@contextmanager
def inspected(folder: DataFolder, settings: Settings) -> Iterator[InspectedLog]:
    """Open the log that the settings name.

    Raises:
        UnavailableServiceError: There is none, or the store does not answer.
        JournalError: It is no log, or one of another layout.
    """
    if settings.store == EMBEDDED:
        from kinelog.journal.sqlite_inspection import SqliteInspection

        if not folder.log.is_file():
            raise UnavailableServiceError(f"there is no log {folder.log}: name a data folder, or a --store")
        with closing(SqliteInspection(folder.log)) as log:
            yield log
        return
    from kinelog.journal.cassandra.inspection import CassandraInspection
    from kinelog.journal.cassandra.log_identity import known_identity
    from kinelog.service.cassandra_store import connected

    with connected(settings) as connection:
        identity = known_identity(connection)
        if identity is None:
            raise UnavailableServiceError(f"there is no log in {settings.store}: name the store of a deployment")
        with closing(CassandraInspection(connection, identity)) as cluster:
            yield cluster
