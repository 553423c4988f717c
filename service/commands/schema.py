"""`kinelog schema status|apply`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import click
from kinelog.cassandra_session.errors import MissingTableError, SchemaError
from kinelog.cassandra_session.migration import Migration
from kinelog.cassandra_session.migrations import SchemaStatus, apply_schema, schema_status
from kinelog.service.cassandra_store import connected
from kinelog.service.configuration import EMBEDDED, Settings, cluster_address, load_settings
from kinelog.service.errors import ConfigurationError, TryAgainError
from kinelog.service.options import data_option, json_option, print_result, store_option
from kinelog.service.schemas import SCHEMAS


@click.group()
def command() -> None:
    """Tables of a Cassandra store, in numbered steps. An embedded store makes its own."""


@command.command()
@data_option
@store_option
@json_option
def status(*, data: Path, store: str | None, as_json: bool) -> None:
    """Show which steps were applied, which are missing, and which a newer version made.

    Exits with 69 when this version of the program would refuse to start.

    \b
    Example:
      kinelog schema status --store cassandra://127.0.0.1/kinelog
    """
    with connected(_settings(data, store)) as connection:
        found = schema_status(connection, SCHEMAS)
    print_result({"keyspaces": [_for_machines(each) for each in found]}, _in_words(found), as_json=as_json)
    if any(each.problem() for each in found):
        sys.exit(69)


@command.command()
@data_option
@store_option
@json_option
def apply(*, data: Path, store: str | None, as_json: bool) -> None:
    """Make keyspaces and tables, and apply what is missing. Safe while services run, and when several do it at once.

    A step that takes something away waits until no process runs that needs it: then this ends in 75.

    \b
    Example:
      kinelog schema apply --store "cassandra://127.0.0.1/kinelog?replication=1"
    """
    settings = _settings(data, store)
    applied: list[str] = []

    def tell(where: SchemaStatus, migration: Migration) -> None:
        applied.append(f"{where.keyspace} {migration.number}")
        if not as_json:
            click.echo(f"applied  {where.keyspace} {migration.number}: {migration.description}")

    with connected(settings) as connection:
        try:
            center = cluster_address(settings).data_center
            found = apply_schema(connection, SCHEMAS, data_center=center, told=tell)
        except SchemaError as error:
            raise TryAgainError(str(error)) from error
        except MissingTableError as error:
            message = f"a node does not know yet what another has just made; try again in a minute ({error})"
            raise TryAgainError(message) from error
    result = {"applied": applied, "keyspaces": [_for_machines(each) for each in found]}
    print_result(result, _in_words(found), as_json=as_json)


def _settings(data: Path, store: str | None) -> Settings:
    settings = load_settings(data, store=store)
    if settings.store == EMBEDDED:
        raise ConfigurationError("an embedded store makes its own tables; name a cluster with --store cassandra://…")
    return settings


def _for_machines(found: SchemaStatus) -> dict[str, object]:
    return {
        "keyspace": found.keyspace,
        "exists": found.exists,
        "applied": [row.number for row in found.applied],
        "pending": [migration.number for migration in found.pending],
        "foreign": [row.number for row in found.foreign],
        "problem": found.problem(),
    }


def _in_words(statuses: Iterable[SchemaStatus]) -> str:
    lines = []
    for found in statuses:
        lines += [f"ok       {found.keyspace} {row.number}: {row.description}" for row in found.applied]
        lines += [f"missing  {found.keyspace} {step.number}: {step.description}" for step in found.pending]
        lines += [f"foreign  {found.keyspace} {row.number}: {row.description}" for row in found.foreign]
        if problem := found.problem():
            lines.append(f"{'':8} → {problem}")
    return "\n".join(lines)
