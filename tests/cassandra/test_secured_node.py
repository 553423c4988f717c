"""A server that asks for passwords and certificates, and syncs its commit log in groups."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cassandra.cluster import NoHostAvailable

from cassandra_server.addresses import free_addresses
from cassandra_server.cluster import CassandraCluster
from cassandra_server.configuration import Options, Tls
from tests.cassandra.certificates import Authority
from tests.cassandra.cql import open_session

pytestmark = [pytest.mark.cassandra]
FIRST_USER = ("cassandra", "cassandra")


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[CassandraCluster, Path, Path]]:
    """The server, the authority's certificate, and a client's key and certificate."""
    folder = tmp_path_factory.mktemp("secured")
    addresses = free_addresses(1)
    authority = Authority()
    trusted = authority.certificate(folder / "authority.pem")
    keystore = authority.issue(folder / "server.pem", addresses[0].host)
    client = authority.issue(folder / "client.pem", "127.0.0.1")
    options = Options(commitlog_sync="group", short_lived=True, authentication=True, tls=Tls(keystore, trusted))
    with CassandraCluster(folder / "server", options=options, addresses=addresses) as cluster:
        yield cluster, trusted, client


def trusting(trusted: Path, client: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(trusted))
    context.check_hostname = False  # the driver checks none by itself; the service's connection has tests of its own
    if client is not None:
        context.load_cert_chain(client)
    return context


def test_a_client_with_password_and_certificate_is_served(secured: tuple[CassandraCluster, Path, Path]) -> None:
    cluster, trusted, client = secured
    with open_session(cluster.nodes[0].address, FIRST_USER, trusting(trusted, client)) as session:
        [(sync,)] = session.rows("SELECT value FROM system_views.settings WHERE name = 'commitlog_sync'")
        assert sync == "group"
        assert session.rows("LIST ROLES") != []


@pytest.mark.parametrize(
    ("user", "certificate", "encrypted"),
    [(("cassandra", "wrong"), True, True), (FIRST_USER, False, True), (FIRST_USER, False, False)],
    ids=["wrong password", "no certificate", "not encrypted"],
)
def test_others_are_refused(
    secured: tuple[CassandraCluster, Path, Path], user: tuple[str, str], *, certificate: bool, encrypted: bool
) -> None:
    cluster, trusted, client = secured
    tls = trusting(trusted, client if certificate else None) if encrypted else None
    with pytest.raises(NoHostAvailable), open_session(cluster.nodes[0].address, user, tls):
        pass
