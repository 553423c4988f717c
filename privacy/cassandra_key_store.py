"""The key store over Cassandra: which parts it is made of, and who finishes erasures."""

from __future__ import annotations

from kinelog.cassandra_session.connection import Access, Connection, Statement
from kinelog.privacy.cassandra_answers import answering
from kinelog.privacy.cassandra_erasures import CassandraErasures
from kinelog.privacy.cassandra_key_table import CassandraKeyTable
from kinelog.privacy.key_store import SEALERS, KeyStore
from kinelog.privacy.master_key import MasterKey

_CHECK = Statement("SELECT value FROM {keys}.meta WHERE key = 'check'", Access.LINEARIZABLE_READ)


def open_key_store(
    connection: Connection, master: MasterKey, *, may_write: bool = True, sealers: int = SEALERS
) -> KeyStore:
    """Open the keys of a deployment.

    Args:
        connection: Stays its owner's; close it after the store.
        master: The cluster never sees it.
        may_write: Whether to finish erasures that were interrupted, or undone by a restore of the keys. Projection
            workers may only read: for them the list of erasures alone decides.
        sealers: Sealers kept in memory.

    Raises:
        WrongMasterKeyError: The keys there were wrapped with another master key.
        KeyStoreUnavailableError: The cluster does not answer.
        IncompatibleKeyStoreError: There are no tables of keys, or of another layout.
    """
    erasures = CassandraErasures(connection)
    try:
        store = KeyStore(CassandraKeyTable(connection), master, erasures, sealers)
        if may_write:
            store.finish_erasures()
    except BaseException:
        erasures.close()
        raise
    return store


def has_keys(connection: Connection) -> bool:
    """Whether the deployment has a master key already: then a new one would open nothing.

    Raises:
        KeyStoreUnavailableError: The cluster does not answer.
        IncompatibleKeyStoreError: There are no tables of keys.
    """
    with answering(connection.keyspaces.keys):
        return bool(connection.ask(_CHECK))
