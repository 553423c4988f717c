"""The launcher of the real server, as the rest of the suite uses it."""

from __future__ import annotations

import pytest

from tests.cassandra.cql import CqlSession
from tests.cassandra.shared_node import SharedNode

pytestmark = pytest.mark.cassandra


def test_the_shared_node_answers_with_the_pinned_version(cassandra_session: CqlSession) -> None:
    assert cassandra_session.rows("SELECT release_version FROM system.local") == [("5.0.6",)]


def test_nodetool_reaches_the_shared_node(cassandra_node: SharedNode) -> None:
    assert f"UN  {cassandra_node.address.host}" in cassandra_node.nodetool("status")
