"""What of an erased key stays on a server's disk, and which nodetool commands of docs/operations.md remove it."""

from __future__ import annotations

import os
from contextlib import closing

import pytest
from kinelog.cassandra_session.driver_connection import connect
from kinelog.cassandra_session.migrations import apply_schema
from kinelog.privacy.cassandra_key_store import open_key_store
from kinelog.privacy.cassandra_schema import KEYS_SCHEMA
from kinelog.privacy.file_search import any_in_files
from kinelog.privacy.master_key import MasterKey

from cassandra_server.node import CassandraNode
from tests.cassandra.deployment import address_of
from tests.cassandra.fixtures import StartCassandra
from tests.documents.documents import ROOT, block_behind

pytestmark = pytest.mark.cassandra

PREFIX = "disk"


def found_in(node: CassandraNode, folder: str, wanted: list[bytes]) -> bool:
    """Whether any of the byte strings stands in any file below one of the node's folders."""
    files = [path for path in (node.folder / "data" / folder).rglob("*") if path.is_file()]
    assert files, "nothing was searched"
    return any_in_files(files, wanted)


def forget_on_disk(node: CassandraNode) -> None:
    """The commands of docs/operations.md, in their order."""
    listed = block_behind(ROOT / "docs" / "operations.md", "forget on disk")
    commands = [line.removeprefix("nodetool ").split() for line in listed.splitlines() if line.startswith("nodetool ")]
    assert len(commands) >= 3
    for command in commands:
        node.nodetool(*(word.replace("kinelog_keys", f"{PREFIX}_keys") for word in command))


def test_after_the_commands_of_the_manual_no_file_of_a_node_holds_an_erased_key(
    start_cassandra: StartCassandra,
) -> None:
    node = start_cassandra().nodes[0]
    with closing(connect(address_of(node.address, PREFIX))) as connection:
        apply_schema(connection, [KEYS_SCHEMA])
        keys = open_key_store(connection, MasterKey(os.urandom(32)))
        alice, bob = keys.enrol("demo", "alice"), keys.enrol("demo", "bob")
        gone, kept = keys._table.find(("demo", alice)), keys._table.find(("demo", bob))
        assert gone is not None
        assert gone.sealed_name is not None
        assert kept is not None
        traces = [gone.wrapped, gone.sealed_name]
        node.nodetool("flush")  # the row is in data files of its own before the erasure, as after months
        keys.forget("demo", alice)
        assert keys.enrol("demo", "alice") != alice
        assert found_in(node, "tables", traces), "a deletion alone removes nothing from data files"
        forget_on_disk(node)
        assert not found_in(node, "tables", traces)
        assert found_in(node, "tables", [kept.wrapped]), "the search finds what is there"
        keys.close()
    # The segment that is being written stays until it is full, or until the node was drained and started again.
    assert found_in(node, "commitlog", traces)
    node.nodetool("drain")
    node.restart()
    assert not found_in(node, "commitlog", traces)
    assert not found_in(node, "tables", traces)
