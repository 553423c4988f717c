"""A Cassandra cluster as an end of a copy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

from kinelog.cassandra_session.migrations import require_schema
from kinelog.cassandra_session.schema_readers import SchemaAnnouncement
from kinelog.journal.cassandra.copy_marks import CassandraCopyMarks
from kinelog.journal.cassandra.log_identity import known_identity
from kinelog.journal.cassandra.opening import open_log
from kinelog.privacy.cassandra_erasures import CassandraErasures
from kinelog.privacy.cassandra_key_table import CassandraKeyTable
from kinelog.privacy.key_copying import Keys
from kinelog.service.cassandra_store import connected
from kinelog.service.configuration import Settings
from kinelog.service.copy_end import CopyEnd
from kinelog.service.errors import UnavailableServiceError
from kinelog.service.schemas import SCHEMAS


@contextmanager
def opened_cluster(settings: Settings, shards: int | None, for_a_new_log: int | None = None) -> Iterator[CopyEnd]:
    """Connect, without owning anything yet.

    Args:
        settings: Where, and what the connection shows and demands.
        shards: How many the log must have; None for any number.
        for_a_new_log: How many a log gets that nobody has opened yet; None where there must be one.

    Raises:
        UnavailableServiceError: The cluster does not answer, its schema is another, or there is no log.
        IncompatibleStoreError: The log has another number of shards.
    """
    with ExitStack() as stack:
        connection = stack.enter_context(connected(settings))
        require_schema(connection, SCHEMAS)
        stack.enter_context(closing(SchemaAnnouncement(connection, SCHEMAS)))
        if (known := known_identity(connection)) is None:
            if for_a_new_log is None:
                raise UnavailableServiceError(f"there is no log in {settings.store}: name the store of a deployment")
            shards = shards or for_a_new_log
        elif shards is None:
            shards = known.shards
        erasures = stack.enter_context(closing(CassandraErasures(connection)))
        keys = Keys(CassandraKeyTable(connection), erasures)
        journal = stack.enter_context(closing(open_log(connection, shards).journal))
        yield CopyEnd(settings.store, journal, CassandraCopyMarks(connection), keys)
