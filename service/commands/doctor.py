"""`kinelog doctor`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
import msgspec
from kinelog.service.configuration import EMBEDDED, DataFolder, Settings, load_settings
from kinelog.service.errors import UnavailableServiceError
from kinelog.service.findings import Finding, Verdict
from kinelog.service.health_checks import check_python, examine
from kinelog.service.options import data_option, json_option, store_option


@click.command()
@data_option
@store_option
@json_option
def command(*, data: Path, store: str | None, as_json: bool) -> None:
    """Check a store and this machine; say what to do about what is not well.

    Reads only. Exits with 70 when something is broken. Safe while a service runs. Each model that phones get is checked
    as a phone would; what is wrong with one is named with its scope.

    \b
    Examples:
      kinelog doctor --data .data
      kinelog doctor --store "cassandra://127.0.0.1/kinelog?replication=3"
    """
    settings = load_settings(data, store=store)
    findings = _of_folder(DataFolder(data)) if settings.store == EMBEDDED else _of_cluster(DataFolder(data), settings)
    if as_json:
        click.echo(json.dumps({"findings": msgspec.to_builtins(findings)}))
    else:
        for finding in findings:
            click.echo(f"{finding.verdict.value:8} {finding.check}: {finding.found}")
            if finding.advice:
                click.echo(f"{'':8} → {finding.advice}")
    if any(finding.verdict is Verdict.ILL for finding in findings):
        sys.exit(70)


def _of_folder(folder: DataFolder) -> list[Finding]:
    if not folder.root.is_dir():
        message = f"there is no data folder {folder.root}; `kinelog demo` or `kinelog serve` makes one"
        raise UnavailableServiceError(message)
    return list(examine(folder))


def _of_cluster(folder: DataFolder, settings: Settings) -> list[Finding]:
    from kinelog.registry.cassandra.model_store import CassandraModelStore
    from kinelog.service.cassandra_checks import examine_cluster
    from kinelog.service.cassandra_store import connected
    from kinelog.service.model_checks import examine_models

    with connected(settings) as connection:
        findings = [check_python(), *examine_cluster(connection, settings)]
        if any(each.check == "schema" and each.verdict is Verdict.WELL for each in findings):
            findings += examine_models(CassandraModelStore(connection), folder, signs_here=False)
    return findings
