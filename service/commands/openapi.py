"""`kinelog openapi`."""

from __future__ import annotations

import json

import click
from kinelog.api.openapi import openapi_document


@click.command()
@click.option("--indent", type=click.IntRange(0, 8), default=2, show_default=True, help="0 prints one line.")
def command(*, indent: int) -> None:
    """Print the OpenAPI 3.1 document of the HTTP interface.

    \b
    Example:
      kinelog openapi > openapi.json
    """
    click.echo(json.dumps(openapi_document(), indent=indent or None))
