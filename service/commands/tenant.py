"""`kinelog tenant create`."""

from __future__ import annotations

from pathlib import Path

import click
from kinelog.actors.region import wall_clock_ms
from kinelog.domain.commands import CreateTenant
from kinelog.domain.identifiers import TENANT_PATTERN, TENANT_PERSON, Person
from kinelog.domain.replies import Done
from kinelog.service.configuration import DataFolder, load_settings
from kinelog.service.offline import offline
from kinelog.service.options import data_option, json_option, print_result, store_option


@click.group()
def command() -> None:
    """Tenants: gym chains, clinics, makers of apps. Nothing is ever visible across them."""


@command.command()
@click.argument("tenant")
@click.option("--name", default="", help="Its name, for people.")
@data_option
@store_option
@json_option
def create(tenant: str, *, name: str, data: Path, store: str | None, as_json: bool) -> None:
    """Create TENANT (lower-case letters, digits and dashes) in a data folder that no service has open.

    \b
    Example:
      kinelog tenant create iron-works --name "Iron Works" --data .data
    """
    if not TENANT_PATTERN.fullmatch(tenant):
        raise click.BadParameter("lower-case letters, digits and dashes, at most 32", param_hint="TENANT")
    with offline(DataFolder(data), load_settings(data, store=store)) as here:
        here.opened.keys.enrol_tenant(tenant)
        answer = here.ask(Person(tenant, TENANT_PERSON), CreateTenant(at_ms=wall_clock_ms(), name=name or tenant))
    created = isinstance(answer.reply, Done) and answer.reply.changed
    print_result(
        {"tenant": tenant, "created": created},
        f"tenant {tenant} {'created' if created else 'was there already'}",
        as_json=as_json,
    )
