"""`kinelog demo`: what `make run` runs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
from kinelog.service.child_process import ChildProcess
from kinelog.service.configuration import EMBEDDED, DataFolder, Settings, load_settings
from kinelog.service.demo_floor import invite
from kinelog.service.demo_setup import Demo, set_up_demo
from kinelog.service.observed_process import observed
from kinelog.service.options import data_option, store_option
from kinelog.service.running import run_service


@click.command()
@data_option
@store_option
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 0 lets the system choose.  [default: 8080]")
@click.option("--users", type=click.IntRange(0, 500), default=6, show_default=True, help="Simulated people who train.")
def command(*, data: Path, store: str | None, host: str | None, port: int | None, users: int) -> None:
    """Run the service on a data folder with a demo gym, people who train there, and something to try.

    Prints the address of the operator's page and a `curl` that posts a frame. A second start
    goes on with the same gym.

    \b
    Example:
      kinelog demo --data .data
    """
    settings = load_settings(data, store=store, host=host, port=port, log_level="WARNING")
    folder = DataFolder(data)
    with observed(settings):
        if settings.store != EMBEDDED:
            from kinelog.service.cluster_schema import apply_schemas

            apply_schemas(settings)
        demo = set_up_demo(folder, settings)
        asyncio.run(_run(folder, settings, demo, users))


async def _run(folder: DataFolder, settings: Settings, demo: Demo, users: int) -> None:
    async def listening(url: str) -> ChildProcess | None:
        invitation = await invite(url, demo, folder.root)
        click.echo(f"listening on {url}\n")
        click.echo(f"The gym, as its operator sees it:\n  {invitation.page}\n")
        click.echo(f"Post a frame, and again to see that it is stored once:\n{invitation.curl}\n")
        click.echo("Stop with Ctrl-C.")
        return start_floor(url, demo, users) if users else None

    await run_service(folder, settings, projections=True, listening=listening)


def start_floor(url: str, demo: Demo, users: int) -> ChildProcess:
    """Start the simulated people; their token travels in the environment, since a command line is public."""
    floor = ChildProcess(
        "gym floor",
        ["simulate", "--url", url, "--users", str(users), "--gym", demo.gym, "--live", "--forever"],
        {"KINELOG_TOKEN": demo.owner_token},
    )
    floor.start()
    return floor
