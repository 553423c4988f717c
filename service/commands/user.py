"""`kinelog user export` and `kinelog user erase`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import aiohttp
import click
from kinelog.actors.region import wall_clock_ms
from kinelog.domain.commands import EraseUser, RevokeTokensOf
from kinelog.domain.identifiers import TENANT_PERSON, Person
from kinelog.service.configuration import DataFolder, load_settings
from kinelog.service.errors import RefusedError, TryAgainError, UnavailableServiceError
from kinelog.service.offline import offline
from kinelog.service.options import json_option, print_result

TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=60)


@click.group()
def command() -> None:
    """A person's right to their data: all of it in open formats, or all of it gone."""


def service_options(function: Callable[..., None]) -> Callable[..., None]:
    """`--url` and `--token` of a running service."""
    function = click.option("--token", envvar="KINELOG_TOKEN", help="An owner's token.")(function)
    return click.option("--url", envvar="KINELOG_URL", help="A running service, e.g. http://127.0.0.1:8080.")(function)


@command.command()
@click.argument("name")
@service_options
@click.option("--to", type=click.Path(path_type=Path, dir_okay=False), required=True, help="File to write.")
def export(name: str, *, url: str | None, token: str | None, to: Path) -> None:
    """Write everything that is stored of NAME into a file of open formats.

    \b
    Example:
      KINELOG_TOKEN=kl.… kinelog user export ada --url http://127.0.0.1:8080 --to ada.zip
    """
    if url is None or token is None:
        raise click.UsageError("an export is asked of a running service: give --url and --token")
    size = asyncio.run(_download(f"{url.rstrip('/')}/v1/users/{quote(name, safe='')}/export", token, to))
    click.echo(f"{size} bytes written to {to}")


@command.command()
@click.argument("name")
@service_options
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="A folder that no service has open.")
@click.option("--tenant", help="Whose NAME is (with --data).")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def erase(
    name: str, *, url: str | None, token: str | None, data: Path | None, tenant: str | None, yes: bool, as_json: bool
) -> None:
    """Forget NAME for ever: key, name, every row of every view. Cannot be undone, by backups neither.

    \b
    Examples:
      KINELOG_TOKEN=kl.… kinelog user erase ada --url http://127.0.0.1:8080
      kinelog user erase ada --tenant iron-works --data .data
    """
    if not yes:
        click.confirm(f"Erase {name} for ever?", abort=True)
    if url is not None and token is not None:
        asyncio.run(_delete(f"{url.rstrip('/')}/v1/users/{quote(name, safe='')}", token))
    elif data is not None and tenant is not None:
        erase_offline(data, tenant, name)
    else:
        raise click.UsageError("give --url and --token of a running service, or --data and --tenant")
    print_result({"user": name, "erased": True}, f"{name} is forgotten", as_json=as_json)


def erase_offline(data: Path, tenant: str, name: str) -> None:
    """Erase a person in a folder that no service has open.

    Raises:
        RefusedError: There is no such person.
    """
    with offline(DataFolder(data), load_settings(data)) as here:
        pseudonym = here.opened.keys.pseudonym(tenant, name)
        if pseudonym is None:
            raise RefusedError(f"user-unknown: {tenant} has nobody called {name}")
        here.ask(Person(tenant, pseudonym), EraseUser(at_ms=wall_clock_ms()))
        here.ask(Person(tenant, TENANT_PERSON), RevokeTokensOf(at_ms=wall_clock_ms(), person=pseudonym))


async def _download(url: str, token: str, to: Path) -> int:
    size = 0
    async with _session(token) as http, http.get(url) as response:
        await _check(response)
        with to.open("wb") as out:
            async for piece in response.content.iter_chunked(65_536):
                size += out.write(piece)
    return size


async def _delete(url: str, token: str) -> None:
    async with _session(token) as http, http.delete(url) as response:
        await _check(response)


def _session(token: str) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=TIMEOUT, headers={"Authorization": f"Bearer {token}"})


async def _check(response: aiohttp.ClientResponse) -> None:
    if response.status < 400:
        return
    text = (await response.text())[:500]
    if response.status in {429, 503}:
        raise TryAgainError(f"the service says {response.status}: {text}")
    if response.status >= 500:
        raise UnavailableServiceError(f"the service says {response.status}: {text}")
    raise RefusedError(f"the service says {response.status}: {text}")
