"""`kinelog token create`."""

from __future__ import annotations

from pathlib import Path

import click
from kinelog.actors.region import wall_clock_ms
from kinelog.api.secrets_made import hash_of, new_token, new_token_id
from kinelog.domain.commands import IssueToken
from kinelog.domain.identifiers import TENANT_PERSON, Person
from kinelog.domain.values import Role
from kinelog.service.configuration import DataFolder, load_settings
from kinelog.service.offline import offline
from kinelog.service.options import data_option, json_option, print_result, store_option

OPERATOR_ROLES = [role.value for role in Role if role is not Role.DEVICE]


@click.group()
def command() -> None:
    """Tokens of operators and engineers. Devices get theirs by pairing."""


@command.command()
@click.option("--tenant", required=True, help="Whose.")
@click.option("--role", type=click.Choice(OPERATOR_ROLES), default=Role.OWNER.value, show_default=True)
@click.option("--note", default="", help="What it is for, shown in lists.")
@click.option("--days", type=click.IntRange(1, 3650), help="Valid for so many days.  [default: for ever]")
@data_option
@store_option
@json_option
def create(
    *, tenant: str, role: str, note: str, days: int | None, data: Path, store: str | None, as_json: bool
) -> None:
    """Create a token in a data folder that no service has open; it is printed once and stored only as a hash.

    While a service runs, an owner creates tokens with `POST /v1/tokens`.

    \b
    Example:
      kinelog token create --tenant iron-works --role trainer --note "Ada's tablet" --data .data
    """
    now = wall_clock_ms()
    token_id = new_token_id()
    token = new_token(tenant, token_id)
    issue = IssueToken(
        at_ms=now,
        token_id=token_id,
        token_hash=hash_of(token),
        role=Role(role),
        note=note,
        expires_at_ms=None if days is None else now + days * 86_400_000,
    )
    with offline(DataFolder(data), load_settings(data, store=store)) as here:
        here.ask(Person(tenant, TENANT_PERSON), issue)
    print_result({"tenant": tenant, "token_id": token_id, "role": role, "token": token}, token, as_json=as_json)
