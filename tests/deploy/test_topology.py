"""The one description of what runs is true of the program, and of itself."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec
import pytest
from kinelog.api.route_table import ROUTES
from kinelog.service.configuration import PREFIX

from tests.deploy.command_lines import known_variables, settings_of, understand
from tests.deploy.topology import TOPOLOGY, Topology

PROCESSES = TOPOLOGY.processes


@pytest.mark.parametrize("name", PROCESSES)
def test_every_command_is_understood(name: str) -> None:
    understand(PROCESSES[name].command)


def test_a_command_or_an_option_that_does_not_exist_is_found() -> None:
    with pytest.raises(click.UsageError):
        understand(["serve", "--dat", "/data"])
    with pytest.raises(click.UsageError):
        understand(["schema", "aply"])


@pytest.mark.parametrize("name", PROCESSES)
def test_every_variable_is_known_to_the_program(name: str) -> None:
    assert TOPOLOGY.allowed(name) <= known_variables()
    assert set(TOPOLOGY.variables) <= known_variables()


@pytest.mark.parametrize("name", PROCESSES)
def test_the_program_takes_the_values(name: str, tmp_path: Path) -> None:
    given: dict[str, str | None] = dict.fromkeys(TOPOLOGY.allowed(name) - TOPOLOGY.secrets())
    settings = settings_of({**given, **PROCESSES[name].variables}, tmp_path)
    assert settings.store.startswith("cassandra://")
    for port in PROCESSES[name].ports:
        setting = TOPOLOGY.ports[port].variable.removeprefix(PREFIX).lower()
        assert getattr(settings, setting) == TOPOLOGY.ports[port].number


@pytest.mark.parametrize("name", PROCESSES)
def test_what_comes_from_around_is_described_and_a_secret_is_called_one(name: str) -> None:
    process = PROCESSES[name]
    assert not set(process.secrets) - TOPOLOGY.secrets()
    assert not set(process.told) & TOPOLOGY.secrets()
    assert {*process.told, *process.secrets} <= set(TOPOLOGY.variables)
    assert not set(process.variables) & set(TOPOLOGY.variables)


@pytest.mark.parametrize("name", PROCESSES)
def test_who_is_told_to_stop_has_the_time_to_drain(name: str, tmp_path: Path) -> None:
    process = PROCESSES[name]
    # The shards are handed over within drain_s; what is in flight then is answered within it once more.
    assert process.grace_s >= process.leaves_rotation_s + 2 * process.drain_s + 5
    if (given := process.variables.get("KINELOG_DRAIN_S")) is not None:
        assert settings_of({"KINELOG_DRAIN_S": given}, tmp_path).drain_s == process.drain_s


def test_probes_ask_routes_that_need_no_token() -> None:
    open_routes = {route.path for route in ROUTES if route.method == "GET" and route.open_handler is not None}
    asked = [probe for process in PROCESSES.values() for probe in process.probes.values()]
    assert asked
    for probe in asked:
        assert probe.path in open_routes
        assert probe.within_s <= probe.every_s


def test_a_node_that_is_busy_is_taken_out_long_before_it_is_killed() -> None:
    ready, live = PROCESSES["service"].probes["ready"], PROCESSES["service"].probes["live"]
    assert 10 * ready.every_s * ready.failures <= live.every_s * live.failures


def test_what_serves_survives_the_loss_of_a_machine() -> None:
    for name in ("service", "projections"):
        assert PROCESSES[name].instances >= 2
        assert PROCESSES[name].one_a_machine


def test_a_misspelt_word_in_the_description_is_refused() -> None:
    described = msgspec.to_builtins(TOPOLOGY)
    described["processes"]["service"]["grace"] = 60
    with pytest.raises(msgspec.ValidationError, match="grace"):
        msgspec.convert(described, Topology)
