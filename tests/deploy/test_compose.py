"""`deploy/compose.yaml` starts commands that exist, with settings that exist, in an order that works."""

from __future__ import annotations

import re

import click
import pytest
from kinelog.service.cli import main
from kinelog.service.configuration import MASTER_KEY_VARIABLE, PREFIX, Settings

from cassandra_server import jars
from tests.deploy.compose import REQUIRED_VARIABLE, ROOT, context_of, kinelog_services, read_compose

COMPOSE = read_compose()
OURS = kinelog_services(COMPOSE)
KNOWN_VARIABLES = {PREFIX + name.upper() for name in Settings.__struct_fields__} | {MASTER_KEY_VARIABLE}


@pytest.mark.parametrize("name", OURS)
def test_every_command_line_is_understood(name: str) -> None:
    context = click.Context(main, info_name="kinelog")
    word, command, rest = main.resolve_command(context, list(OURS[name].command))
    while isinstance(command, click.Group):
        context = command.make_context(word, rest, parent=context)
        word, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
    assert command is not None
    assert word is not None
    command.make_context(word, rest, parent=context)  # raises what the command line would print


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_a_setting(name: str) -> None:
    assert set(OURS[name].environment) <= KNOWN_VARIABLES


@pytest.mark.parametrize("name", OURS)
def test_our_image_is_built_here_and_keeps_its_key_out_of_the_file(name: str) -> None:
    assert context_of(OURS[name]) == ROOT
    assert REQUIRED_VARIABLE.match(OURS[name].environment[MASTER_KEY_VARIABLE])
    assert OURS[name].environment["KINELOG_STORE"].startswith("cassandra://cassandra:9042/")


def test_the_image_is_of_the_version_that_the_tests_run() -> None:
    assert COMPOSE.services["cassandra"].image == f"cassandra:{jars.VERSION}"


def test_who_needs_cassandra_waits_until_it_is_well_and_has_the_schema() -> None:
    assert COMPOSE.services["schema"].depends_on["cassandra"].condition == "service_healthy"
    for name in ("service", "projections"):
        waits_for = {other: how.condition for other, how in OURS[name].depends_on.items()}
        assert waits_for == {"cassandra": "service_healthy", "schema": "service_completed_successfully"}


def test_cassandra_is_not_reached_from_outside() -> None:
    assert COMPOSE.services["cassandra"].ports == []
    assert COMPOSE.services["cassandra"].networks == ["store"]
    assert COMPOSE.networks["store"] == {"internal": True}
    assert all(port.startswith("127.0.0.1:") for service in COMPOSE.services.values() for port in service.ports)


@pytest.mark.parametrize("name", COMPOSE.services)
def test_what_must_last_is_in_a_volume_and_health_is_looked_at_or_expressly_not(name: str) -> None:
    service = COMPOSE.services[name]
    assert {volume.partition(":")[0] for volume in service.volumes} <= set(COMPOSE.volumes)
    assert service.healthcheck is not None
    assert service.healthcheck.disable != bool(service.healthcheck.test)


def test_the_documented_settings_of_cassandra_are_single_words_to_the_jvm() -> None:
    options = COMPOSE.services["cassandra"].environment["JVM_EXTRA_OPTS"].split()
    assert all(re.fullmatch(r"-Dcassandra\.(config|settings)\.\w+=\w+", option) for option in options), options
