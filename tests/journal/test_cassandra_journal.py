"""The journal on a real Cassandra keeps the contract of every journal, with buckets that are never full or always."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kinelog.journal.cassandra.procedures import BUCKET_BYTES
from kinelog.journal.port import Journal
from typing_extensions import override

from tests.cassandra.cql import CqlSession
from tests.cassandra.shared_node import SharedNode
from tests.journal.cassandra_store import CassandraStore, cassandra_store
from tests.journal.contract import BoundedCommits, JournalContract, NewStore, OpenJournal

pytestmark = pytest.mark.cassandra


class TestCassandraJournal(JournalContract, BoundedCommits):
    stateful_examples = 4
    bucket_bytes = BUCKET_BYTES

    @pytest.fixture(scope="class")
    @classmethod
    def store(cls, cassandra_node: SharedNode, cassandra_session: CqlSession) -> Iterator[CassandraStore]:
        """One store for the class; new tables for every test would take longer than the tests."""
        with cassandra_store(cassandra_node, cassandra_session, cls.bucket_bytes) as made:
            made.commit_bytes = cls.largest
            yield made

    @pytest.fixture
    @override
    def new_store(self, store: CassandraStore) -> NewStore:
        def new() -> OpenJournal:
            store.empty()

            def open_journal() -> Journal:
                return store.open()

            return open_journal

        return new


class TestCassandraJournalWithTinyBuckets(TestCassandraJournal):
    """Every few commits fill a bucket."""

    bucket_bytes = 2_000
