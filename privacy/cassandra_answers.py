"""What the cluster's errors mean to who asked for keys."""

from __future__ import annotations

from contextlib import AbstractContextManager

from kinelog.cassandra_session.store_errors import told_as
from kinelog.privacy.errors import IncompatibleKeyStoreError, KeyStoreUnavailableError


def answering(where: str) -> AbstractContextManager[None]:
    """Turn errors of the cluster into those of the key store, `KeyStoreUnavailableError` and `Incompatible…`."""
    return told_as(where, "keys", unavailable=KeyStoreUnavailableError, incompatible=IncompatibleKeyStoreError)
