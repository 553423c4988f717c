"""The files for Compose start commands that exist, with settings that exist, in an order that works."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from compose_spec import PyCompose
from kinelog.service.configuration import MASTER_KEY_VARIABLE

from cassandra_server import jars as cassandra_jars
from tests.deploy.command_lines import known_variables, settings_of, understand
from tests.deploy.compose import (
    CLUSTER,
    REQUIRED_VARIABLE,
    SINGLE,
    Service,
    context_of,
    for_the_specification,
    kinelog_services,
    read_compose,
    seconds,
)
from tests.deploy.topology import ROOT, TOPOLOGY, Process
from zookeeper_server import jars as zookeeper_jars

FILES = {file.name: file for file in (SINGLE, CLUSTER)}
COMPOSE = {name: read_compose(file) for name, file in FILES.items()}
OURS = {(file, name): one for file, compose in COMPOSE.items() for name, one in kinelog_services(compose).items()}
IN_GROUP = {name: service for (file, name), service in OURS.items() if file == CLUSTER.name}
ALL = {(file, name): one for file, compose in COMPOSE.items() for name, one in compose.services.items()}


def process_of(service: Service) -> tuple[str, Process]:
    """What of the description a container is: the one that is called by the same words."""
    (found,) = [
        (name, one) for name, one in TOPOLOGY.processes.items() if one.command[:1] == tuple(service.command[:1])
    ]
    return found


@pytest.mark.parametrize("file", FILES)
def test_the_file_is_as_the_specification_says(file: str) -> None:
    PyCompose.from_yaml(json.dumps(for_the_specification(FILES[file])))


@pytest.mark.parametrize("place", [(), ("services", "schema"), ("services", "cassandra", "healthcheck")])
def test_a_misspelt_key_is_found(place: tuple[str, ...]) -> None:
    content = for_the_specification(SINGLE)
    there = content
    for key in place:
        inner = there[key]
        assert isinstance(inner, dict)
        there = inner
    there["enviroment"] = {}
    with pytest.raises(ValueError, match="enviroment"):
        PyCompose.from_yaml(json.dumps(content))


@pytest.mark.parametrize("key", OURS, ids="/".join)
def test_every_command_line_is_understood(key: tuple[str, str]) -> None:
    understand(OURS[key].command)


@pytest.mark.parametrize("key", OURS, ids="/".join)
def test_every_variable_is_a_setting_and_the_program_takes_the_values(key: tuple[str, str], tmp_path: Path) -> None:
    given = OURS[key].environment
    assert set(given) <= known_variables()
    plain: dict[str, str | None] = {name: value for name, value in given.items() if not REQUIRED_VARIABLE.match(value)}
    assert settings_of(plain, tmp_path).store.startswith("cassandra://cassandra:9042/")


@pytest.mark.parametrize("key", OURS, ids="/".join)
def test_our_image_is_built_here_and_keeps_secrets_out_of_the_file(key: tuple[str, str]) -> None:
    service = OURS[key]
    assert context_of(service) == ROOT
    for name in set(service.environment) & TOPOLOGY.secrets():
        found = REQUIRED_VARIABLE.match(service.environment[name])
        assert found is not None
        assert found["name"] == name
    if service.command[0] != "schema":
        assert MASTER_KEY_VARIABLE in service.environment


@pytest.mark.parametrize("key", OURS, ids="/".join)
def test_our_containers_may_do_nothing_that_they_need_not(key: tuple[str, str]) -> None:
    service = OURS[key]
    assert service.read_only
    assert service.cap_drop == ["ALL"]
    assert service.security_opt == ["no-new-privileges:true"]


def test_the_cluster_runs_what_is_described_as_often_as_it_is_described() -> None:
    counted = dict.fromkeys(("service", "projections", "schema"), 0)
    for service in IN_GROUP.values():
        counted[process_of(service)[0]] += service.deploy.replicas
    assert counted == {name: TOPOLOGY.processes[name].instances for name in counted}


@pytest.mark.parametrize("name", IN_GROUP)
def test_a_container_of_the_cluster_is_the_described_process(name: str) -> None:
    service = IN_GROUP[name]
    of, process = process_of(service)
    assert tuple(service.command) == process.command
    assert set(service.environment) >= TOPOLOGY.required(of)
    for variable, value in process.variables.items():
        assert service.environment[variable] == value
    for port in process.ports:
        assert service.environment[TOPOLOGY.ports[port].variable] == str(TOPOLOGY.ports[port].number)
    assert seconds(service.stop_grace_period) == process.grace_s
    assert service.mem_limit == f"{process.memory_mib}m"
    writable = {volume.rpartition(":")[2] for volume in service.volumes} | set(service.tmpfs)
    assert writable == set(process.writes)


@pytest.mark.parametrize("name", [name for name in IN_GROUP if name.startswith("node-")])
def test_a_node_of_the_cluster_is_called_asked_and_reached_as_it_says(name: str) -> None:
    service, process = IN_GROUP[name], TOPOLOGY.processes["service"]
    assert service.environment["KINELOG_NODE"] == service.environment["KINELOG_ADVERTISE"] == name
    ready = process.probes["ready"]
    check = service.healthcheck
    assert check is not None
    assert f":{TOPOLOGY.ports[ready.port].number}{ready.path}" in check.test[-1]
    assert (seconds(check.interval), check.retries) == (ready.every_s, ready.failures)
    assert seconds(check.start_period) == process.starts_within_s
    assert service.ports == [f"127.0.0.1:808{name[-1]}:{TOPOLOGY.ports['http'].number}"]


def test_stores_are_of_the_versions_that_the_tests_run() -> None:
    services = COMPOSE[CLUSTER.name].services
    assert services["cassandra"] == COMPOSE[SINGLE.name].services["cassandra"]
    assert services["cassandra"].image == f"cassandra:{cassandra_jars.VERSION}"
    assert services["zookeeper"].image.partition("@")[0] == f"zookeeper:{zookeeper_jars.VERSION}"


def test_zookeeper_grants_the_session_that_nodes_ask_for() -> None:
    services = COMPOSE[CLUSTER.name].services
    tick_s = int(services["zookeeper"].environment["ZOO_TICK_TIME"]) / 1000
    for service in IN_GROUP.values():
        if asked := service.environment.get("KINELOG_SESSION_S"):
            assert 2 * tick_s <= float(asked) <= 20 * tick_s  # what is outside is changed without a word


@pytest.mark.parametrize("key", ALL, ids="/".join)
def test_no_image_is_whatever_is_newest(key: tuple[str, str]) -> None:
    if ALL[key].build is None:
        assert re.fullmatch(r"[a-z/]+:v?\d+\.\d+\.\d+(@sha256:[0-9a-f]{64})?", ALL[key].image)


@pytest.mark.parametrize("file", FILES)
def test_who_needs_cassandra_waits_until_it_is_well_and_has_the_schema(file: str) -> None:
    assert COMPOSE[file].services["schema"].depends_on["cassandra"].condition == "service_healthy"
    for name, service in kinelog_services(COMPOSE[file]).items():
        if name != "schema":
            waits_for = {other: how.condition for other, how in service.depends_on.items()}
            assert waits_for.pop("zookeeper", None) == ("service_healthy" if file == CLUSTER.name else None)
            assert waits_for == {"cassandra": "service_healthy", "schema": "service_completed_successfully"}


@pytest.mark.parametrize("file", FILES)
def test_stores_are_not_reached_from_outside(file: str) -> None:
    compose = COMPOSE[file]
    for name in sorted({"cassandra", "zookeeper"} & compose.services.keys()):
        assert compose.services[name].ports == []
        assert compose.services[name].networks == ["store"]
    for name in sorted({"prometheus", "grafana"} & compose.services.keys()):
        assert "store" not in compose.services[name].networks
    assert compose.networks["store"] == {"internal": True}
    assert all(port.startswith("127.0.0.1:") for service in compose.services.values() for port in service.ports)


@pytest.mark.parametrize("key", ALL, ids="/".join)
def test_what_must_last_is_in_a_volume_and_health_is_looked_at_or_expressly_not(key: tuple[str, str]) -> None:
    service = ALL[key]
    named = {volume.partition(":")[0] for volume in service.volumes if volume[0] not in "/."}
    assert named <= set(COMPOSE[key[0]].volumes)
    mounted = [volume.partition(":")[0] for volume in service.volumes if volume.startswith("./")]
    assert [place for place in mounted if not (ROOT / "deploy" / place).is_dir()] == []
    assert service.healthcheck is not None
    assert service.healthcheck.disable != bool(service.healthcheck.test)


def test_the_documented_settings_of_cassandra_are_single_words_to_the_jvm() -> None:
    options = COMPOSE[SINGLE.name].services["cassandra"].environment["JVM_EXTRA_OPTS"].split()
    assert all(re.fullmatch(r"-Dcassandra\.(config|settings)\.\w+=\w+", option) for option in options), options
