"""`kinelog doctor`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
import msgspec
from kinelog.service.configuration import DataFolder
from kinelog.service.errors import UnavailableServiceError
from kinelog.service.health_checks import Verdict, examine
from kinelog.service.options import data_option, json_option


@click.command()
@data_option
@json_option
def command(*, data: Path, as_json: bool) -> None:
    """Check a data folder and this machine; say what to do about what is not well.

    Exits with 70 when something is broken. Safe while a service runs.

    \b
    Example:
      kinelog doctor --data .data
    """
    if not data.is_dir():
        raise UnavailableServiceError(f"there is no data folder {data}; `kinelog demo` or `kinelog serve` makes one")
    findings = list(examine(DataFolder(data)))
    if as_json:
        click.echo(json.dumps({"findings": msgspec.to_builtins(findings)}))
    else:
        for finding in findings:
            click.echo(f"{finding.verdict.value:8} {finding.check}: {finding.found}")
            if finding.advice:
                click.echo(f"{'':8} → {finding.advice}")
    if any(finding.verdict is Verdict.ILL for finding in findings):
        sys.exit(70)
