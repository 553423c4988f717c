"""The driver's session as tests need it: typed, with TLS and passwords, and without what it left open."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.policies import WhiteListRoundRobinPolicy

from cassandra_server.configuration import Address

Value = str | bytes | int | float | bool | None
REQUEST_TIMEOUT_S = 30.0


class _Prepared(Protocol):
    """As the driver's `PreparedStatement`."""


class _DriverSession(Protocol):
    def prepare(self, query: str) -> _Prepared:
        """As the driver's `Session.prepare`."""

    def execute(
        self, query: str | _Prepared, parameters: Sequence[Value] | None = None, *, timeout: float
    ) -> Iterator[tuple[Value, ...]]:
        """As the driver's `Session.execute`."""


class CqlSession:
    """Statements to one node, and no other."""

    def __init__(self, session: _DriverSession) -> None:
        self._session = session

    def rows(self, statement: str, *values: Value, timeout_s: float = REQUEST_TIMEOUT_S) -> list[tuple[Value, ...]]:
        """Run a statement (`?` stands for a value); its rows."""
        query = self._session.prepare(statement) if values else statement
        return [tuple(row) for row in self._session.execute(query, values or None, timeout=timeout_s)]

    def drop_keyspaces(self, prefix: str) -> None:
        """Drop every keyspace whose name starts so."""
        for (name,) in self.rows("SELECT keyspace_name FROM system_schema.keyspaces"):
            if isinstance(name, str) and name.startswith(prefix):
                self.rows(f'DROP KEYSPACE "{name}"')


@contextmanager
def open_session(
    address: Address, user: tuple[str, str] | None = None, tls: ssl.SSLContext | None = None
) -> Iterator[CqlSession]:
    """A session on this node only.

    Args:
        address: The node.
        user: Name and password, where the server asks for them.
        tls: How to check the server, where it encrypts.
    """
    profile = ExecutionProfile(load_balancing_policy=WhiteListRoundRobinPolicy([address.host]))
    cluster = Cluster(
        [address.host],
        port=address.port,
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        auth_provider=PlainTextAuthProvider(*user) if user else None,
        ssl_context=tls,
        connect_timeout=REQUEST_TIMEOUT_S,
        protocol_version=5,
    )
    try:
        yield CqlSession(cluster.connect())
    finally:
        cluster.shutdown()
