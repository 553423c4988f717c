"""`kinelog serve`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
from kinelog.actors.membership.parent_messages import MOST_CHILDREN
from kinelog.service.configuration import DataFolder, load_settings
from kinelog.service.observed_process import observed
from kinelog.service.options import data_option, log_options, store_option
from kinelog.service.processes import run_processes
from kinelog.service.running import run_service


@click.command()
@data_option
@store_option
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 0 lets the system choose.  [default: 8080]")
@click.option("--shards", type=click.IntRange(1, 4096), help="Shards of a new log.  [default: 4; 8 on a cluster]")
@log_options
@click.option(
    "--processes",
    type=click.IntRange(1, MOST_CHILDREN),
    default=1,
    show_default=True,
    envvar="KINELOG_PROCESSES",
    help="Serve with so many processes behind the one port, to use this machine's cores.",
)
@click.option("--projections/--no-projections", default=True, show_default=True, help="Run the projection worker too.")
def command(  # noqa: PLR0913 - one parameter an option
    *,
    data: Path,
    store: str | None,
    host: str | None,
    port: int | None,
    shards: int | None,
    log_level: str | None,
    log_format: str | None,
    processes: int,
    projections: bool,
) -> None:
    """Run the service on a data folder until SIGTERM.

    Prints `listening on URL` once requests are answered. On SIGTERM it stops accepting, answers what is in flight,
    saves snapshots and exits 0 within 10 seconds.

    \b
    Example:
      kinelog serve --data .data --port 8080
      kinelog serve --data .data --processes 4
      kinelog serve --data .data --store cassandra://127.0.0.1:9042/kinelog
    """
    settings = load_settings(
        data, store=store, host=host, port=port, shards=shards, log_level=log_level, log_format=log_format
    )
    folder = DataFolder(data)
    with observed(settings):
        if processes > 1:
            serving = run_processes(folder, settings, processes, projections=projections, listening=announce)
        else:
            serving = run_service(folder, settings, projections=projections, listening=announce)
        asyncio.run(serving)


async def announce(url: str) -> None:
    """Tell people and programs that start us where we are."""
    click.echo(f"listening on {url}")
