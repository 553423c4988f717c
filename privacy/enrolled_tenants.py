"""Whether a tenant was created here: asked of the keys, without the master key and without changing anything."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from kinelog.cassandra_session.connection import Connection
from kinelog.privacy import key_file
from kinelog.privacy.cassandra_key_table import CassandraKeyTable
from kinelog.privacy.key_store import TENANT_PERSON

_OF_TENANT = "SELECT 1 FROM people WHERE tenant = ? AND pseudonym = ?"


def enrolled_in_folder(keys: Path, tenant: str) -> bool:
    """Whether a tenant has a key for its own records in the `keys` folder of a data folder.

    Raises:
        KeyStoreUnavailableError: The file does not answer.
        IncompatibleKeyStoreError: The file is no key store.
    """
    path = keys / key_file.FILE_NAME
    if not path.is_file():
        return False  # nobody was ever created here
    with (
        key_file.answering(path),
        closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection,
    ):
        return connection.execute(_OF_TENANT, (tenant, TENANT_PERSON)).fetchone() is not None


def enrolled_in_cluster(connection: Connection, tenant: str) -> bool:
    """Whether a tenant has a key for its own records in a cluster.

    Raises:
        KeyStoreUnavailableError: The cluster does not answer.
        IncompatibleKeyStoreError: There are no tables of keys.
    """
    return CassandraKeyTable(connection).find((tenant, TENANT_PERSON)) is not None
