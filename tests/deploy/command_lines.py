"""What platforms start, held against the real command line and the real configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
from kinelog.service import cluster_secrets, configuration
from kinelog.service.cli import main
from kinelog.service.configuration import PREFIX, Settings, load_settings

from tests.deploy.topology import ROOT, TOPOLOGY

_VARIABLE = re.compile(rf"{PREFIX}[A-Z_]+")

EXAMPLES = {
    "KINELOG_STORE": "cassandra://cassandra-1:9042,cassandra-2:9042/kinelog?dc=datacenter1&replication=3",
    "KINELOG_ZOOKEEPER": "zookeeper-1:2181,zookeeper-2:2181/kinelog",
    "KINELOG_NODE": "kinelog-service-7d4b9c-x2x4z",
    "KINELOG_ADVERTISE": "10.0.0.7",
    **{port.variable: str(port.number) for port in TOPOLOGY.ports.values()},
}
"""Such values as a platform puts in where a file refers to something that is around it."""


def known_variables() -> set[str]:
    """Every variable that the program reads: settings, secrets, and what options may come from."""
    settings = {PREFIX + name.upper() for name in Settings.__struct_fields__ if name != "limits"}
    secrets = {
        value
        for module in (configuration, cluster_secrets)
        for name, value in vars(module).items()
        if name.endswith("_VARIABLE") and isinstance(value, str) and _VARIABLE.fullmatch(value)
    }
    sources = (ROOT / "service").rglob("*.py")
    return settings | secrets | {name for one in sources for name in re.findall(r'envvar="(\w+)"', one.read_text())}


def understand(command: Sequence[str]) -> click.Command:
    """The command that these words call; what the command line would refuse raises `click.ClickException`."""
    context = click.Context(main, info_name="kinelog")
    word, found, rest = main.resolve_command(context, list(command))
    while isinstance(found, click.Group):
        context = found.make_context(word, rest, parent=context)
        word, found, rest = found.resolve_command(context, [*context._protected_args, *context.args])
    assert found is not None
    assert word is not None
    found.make_context(word, rest, parent=context)
    return found


def settings_of(environment: Mapping[str, str | None], folder: Path) -> Settings:
    """What a process makes of its variables; None stands for what the platform puts in.

    Raises:
        ConfigurationError: It would refuse to start.
    """
    given = {name: EXAMPLES.get(name) if value is None else value for name, value in environment.items()}
    return load_settings(folder, {name: value for name, value in given.items() if value is not None})
