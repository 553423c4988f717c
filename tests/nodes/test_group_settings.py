"""Settings of a group of nodes: what is wrong is named, before anything is joined."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinelog.service.cluster_secrets import (
    CLUSTER_SECRET_FILE_VARIABLE,
    CLUSTER_SECRET_VARIABLE,
    ZOOKEEPER_SECRET_VARIABLE,
    cluster_secret_from,
    zookeeper_secret_from,
)
from kinelog.service.configuration import load_settings
from kinelog.service.errors import ConfigurationError
from kinelog.service.group_address import node_name, reached_at

SECRET = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"KINELOG_ZOOKEEPER": "a:2181,,b"}, "zookeeper"),
        ({"KINELOG_ZOOKEEPER": "a:99999"}, "zookeeper"),
        ({"KINELOG_ZOOKEEPER": "a:2181/up//down"}, "zookeeper"),
        ({"KINELOG_ZOOKEEPER": "a", "KINELOG_NODE": "Node One"}, "node"),
        ({"KINELOG_ZOOKEEPER": "a", "KINELOG_HOST": "0.0.0.0"}, "advertise"),  # noqa: S104 - refused
        ({"KINELOG_ZOOKEEPER": "a", "KINELOG_ADVERTISE": "not a host"}, "advertise"),
        ({"KINELOG_ZOOKEEPER": "a", "KINELOG_CLUSTER_CA": "setup.cfg"}, "cluster_certificate, cluster_key"),
        ({"KINELOG_WEIGHT": "0"}, "weight"),
        ({"KINELOG_SESSION_S": "0.1"}, "session_s"),
        ({"KINELOG_HANDOVER_S": "nan"}, "handover_s"),
        ({"KINELOG_STORE_AWAY_S": "0"}, "store_away_s"),
        ({"KINELOG_INTERNAL_PORT": "70000"}, "internal_port"),
        ({"KINELOG_LOG_FORMAT": "xml"}, "log_format"),
    ],
)
def test_what_is_wrong_is_named(variables: dict[str, str], named: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=named):
        load_settings(tmp_path, variables)


def test_files_of_certificates_must_be_there(tmp_path: Path) -> None:
    variables = {f"KINELOG_CLUSTER_{name}": str(tmp_path / name) for name in ("CA", "CERTIFICATE", "KEY")}
    with pytest.raises(ConfigurationError, match="cluster_ca: there is no file"):
        load_settings(tmp_path, {"KINELOG_ZOOKEEPER": "a", **variables})


@settings(max_examples=50)
@given(st.text(max_size=80))
def test_a_machine_of_any_name_has_a_name_as_a_node(name: str) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("socket.gethostname", lambda: name)
        made = node_name(None)
    assert node_name(made) == made


def test_others_are_told_a_host_that_they_can_reach() -> None:
    assert reached_at(None, "10.0.0.7", 7000) == "10.0.0.7:7000"
    assert reached_at(None, "::1", 7000) == "[::1]:7000"
    assert reached_at("node-1.example", "0.0.0.0", 7000) == "node-1.example:7000"  # noqa: S104 - not told
    assert reached_at("host:31000", "0.0.0.0", 7000) == "host:31000"  # noqa: S104 - not told


def test_a_secret_comes_from_the_environment_or_a_file_and_is_never_told(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    assert cluster_secret_from({CLUSTER_SECRET_VARIABLE: SECRET}) == SECRET.encode()
    assert cluster_secret_from({CLUSTER_SECRET_FILE_VARIABLE: str(file)}) == SECRET.encode()
    for environment in ({}, {CLUSTER_SECRET_VARIABLE: "hushhush"}, {CLUSTER_SECRET_FILE_VARIABLE: "/nowhere"}):
        with pytest.raises(ConfigurationError, match=CLUSTER_SECRET_VARIABLE) as refused:
            cluster_secret_from(environment)
        assert "hushhush" not in str(refused.value)


def test_zookeeper_may_be_without_a_secret_but_not_with_an_empty_one() -> None:
    assert zookeeper_secret_from({}) is None
    assert zookeeper_secret_from({ZOOKEEPER_SECRET_VARIABLE: "user:password"}) == "user:password"
    with pytest.raises(ConfigurationError, match=ZOOKEEPER_SECRET_VARIABLE):
        zookeeper_secret_from({ZOOKEEPER_SECRET_VARIABLE: ""})
