"""The journal on a real Cassandra keeps the contract of every journal, with buckets that are never full or always."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kinelog.journal.cassandra.procedures import BUCKET_BYTES
from kinelog.journal.port import Journal
from typing_extensions import override

from tests.cassandra.shared_node import SharedNode
from tests.journal.cassandra_store import CassandraStore
from tests.journal.contract import BoundedCommits, JournalContract, NewStore, OpenJournal

pytestmark = pytest.mark.cassandra


class TestCassandraJournal(JournalContract, BoundedCommits):
    stateful_examples = 4
    bucket_bytes = BUCKET_BYTES

    @pytest.fixture
    @override
    def new_store(self, cassandra_node: SharedNode, keyspace_prefix: str) -> Iterator[NewStore]:
        stores: list[CassandraStore] = []

        def new() -> OpenJournal:
            prefix = f"{keyspace_prefix}_{len(stores)}"
            store = CassandraStore(cassandra_node.address, prefix, self.bucket_bytes, self.largest)
            store.create()
            stores.append(store)

            def open_journal() -> Journal:
                return store.open()

            return open_journal

        yield new
        for store in stores:
            for journal in store.opened:
                journal.close()


class TestCassandraJournalWithTinyBuckets(TestCassandraJournal):
    """Every few commits fill a bucket."""

    bucket_bytes = 2_000
