"""`kinelog fit list`."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec
from kinelog.service.configuration import DataFolder, load_settings
from kinelog.service.model_stores import model_store
from kinelog.service.options import data_option, json_option, print_result, store_option


@click.command()
@data_option
@store_option
@click.option("--tenant", help="Only this tenant's nights.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000), help="At most, the newest.")
@json_option
def command(*, data: Path, store: str | None, tenant: str | None, limit: int, as_json: bool) -> None:
    """List the nights that were, the newest first.

    A night that says `running` while nothing runs was killed: the next `fit run` goes on with it.

    \b
    Example:
      kinelog fit list --data .data
    """
    from kinelog.ml.run_book import LOOKED_AT, records_of

    with model_store(DataFolder(data), load_settings(data, store=store)) as models:
        records = records_of(models, tenant, max(limit, LOOKED_AT))[:limit]
    rows = [
        {
            "run": record.run,
            "tenant": record.tenant,
            "state": record.state,
            "started_ms": record.started_ms,
            "finished_ms": record.finished_ms,
            "scopes": len(record.scopes),
            "published": sum(scope.promotion.outcome in {"first", "promoted"} for scope in record.scopes),
            "fits": record.cost.fits,
            "seconds": round(record.cost.seconds, 1),
            "dataset": record.dataset and record.dataset.sha256,
        }
        for record in records
    ]
    lines = [
        f"{row['run']:36} {row['state']:8} {row['scopes']:3} scopes, {row['published']} published,"
        f" {row['fits']} fits, {row['seconds']} s"
        for row in rows
    ]
    nothing = f"no night was ever run for {tenant}" if tenant else "no night was ever run"
    print_result({"runs": msgspec.to_builtins(rows)}, "\n".join(lines) or nothing, as_json=as_json)
