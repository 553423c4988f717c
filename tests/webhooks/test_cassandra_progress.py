"""Progress on a cluster keeps the contract, also when answers get lost on the way."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from kinelog.cassandra_session.connection import Connection
from kinelog.journal.cassandra.schema import LOG_SCHEMA
from kinelog.webhooks.cassandra_progress import TRIES, CassandraProgressStore
from kinelog.webhooks.errors import ProgressUnavailableError
from kinelog.webhooks.progress import begun

from tests.cassandra.deployment import address_of, deployment
from tests.cassandra.shared_node import SharedNode
from tests.cassandra.unsure_connection import Fate, UnsureConnection
from tests.webhooks.progress_contract import NOW, Open, ProgressContract

pytestmark = pytest.mark.cassandra

TABLES = ("announced", "webhook_tenants", "webhook_progress")


@pytest.fixture(scope="module")
def deployed(cassandra_node: SharedNode) -> Iterator[Connection]:
    prefix = f"t_webhooks_{os.urandom(4).hex()}"
    with deployment(address_of(cassandra_node.address, prefix), [LOG_SCHEMA]) as connection:
        yield connection


@pytest.fixture
def connection(deployed: Connection) -> Connection:
    """Empty tables."""
    for table in TABLES:
        deployed.define(f"TRUNCATE {{log}}.{table}")
    return deployed


class TestCassandraProgress(ProgressContract):
    """Tables of the log's keyspace."""

    @pytest.fixture
    def open_store(self, connection: Connection) -> Open:
        return lambda incarnation: CassandraProgressStore(connection, incarnation)


def test_a_save_whose_answer_got_lost_is_known_to_be_ours(connection: Connection) -> None:
    sound = CassandraProgressStore(connection, "log-1")
    sound.add("acme")
    seen = sound.progress("acme")
    assert seen is not None
    unsure = CassandraProgressStore(UnsureConnection(connection, [Fate.ANSWER_LOST]), "log-1")
    saved = unsure.save(begun(seen, NOW))
    assert saved is not None
    assert sound.progress("acme") == saved


def test_a_save_that_got_lost_is_made_again(connection: Connection) -> None:
    sound = CassandraProgressStore(connection, "log-1")
    sound.add("acme")
    seen = sound.progress("acme")
    assert seen is not None
    saved = CassandraProgressStore(UnsureConnection(connection, [Fate.LOST]), "log-1").save(begun(seen, NOW))
    assert sound.progress("acme") == saved


def test_a_cluster_that_never_says_is_away(connection: Connection) -> None:
    CassandraProgressStore(connection, "log-1").add("acme")
    lost = UnsureConnection(connection, [Fate.LOST] * TRIES)
    with pytest.raises(ProgressUnavailableError):
        CassandraProgressStore(lost, "log-1").add("bolt")
