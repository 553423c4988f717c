"""What `deploy/compose.yaml` tells the official image takes effect in the very same server."""

from __future__ import annotations

import pytest

from tests.cassandra.cql import open_session
from tests.cassandra.fixtures import StartCassandra
from tests.deploy.compose import read_compose

pytestmark = pytest.mark.cassandra
SETTING = "-Dcassandra.settings."


def test_cassandra_takes_the_settings_of_the_compose_file(
    start_cassandra: StartCassandra, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = read_compose().services["cassandra"].environment["JVM_EXTRA_OPTS"]
    monkeypatch.setenv("JDK_JAVA_OPTIONS", options)  # read by Java itself, as the image's script reads the other
    node = start_cassandra().nodes[0]
    wanted = dict(option.removeprefix(SETTING).split("=") for option in options.split() if option.startswith(SETTING))
    assert wanted["commitlog_sync"] == "group"
    with open_session(node.address) as session:
        for name, value in wanted.items():
            assert session.rows("SELECT value FROM system_views.settings WHERE name = ?", name) == [(value,)], name
