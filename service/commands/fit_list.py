"""`kinelog fit list`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from kinelog.service.configuration import DataFolder, load_settings
from kinelog.service.model_stores import model_store
from kinelog.service.options import data_option, json_option, print_result, store_option

if TYPE_CHECKING:
    from kinelog.ml.run_book import UnreadableRecord
    from kinelog.ml.run_record import NightRecord


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
    from kinelog.ml.run_book import LOOKED_AT, stored_records

    with model_store(DataFolder(data), load_settings(data, store=store)) as models:
        stored = [one for one in stored_records(models, max(limit, LOOKED_AT)) if tenant is None or _is_of(one, tenant)]
    rows = [_row(one) for one in stored[:limit]]
    nothing = f"no night was ever run for {tenant}" if tenant else "no night was ever run"
    print_result({"runs": rows}, "\n".join(map(_line, rows)) or nothing, as_json=as_json)


def _is_of(one: NightRecord | UnreadableRecord, tenant: str) -> bool:
    from kinelog.ml.run_record import NightRecord

    return one.tenant == tenant if isinstance(one, NightRecord) else one.is_of(tenant)


def _row(one: NightRecord | UnreadableRecord) -> dict[str, object]:
    from kinelog.ml.run_record import NightRecord

    if not isinstance(one, NightRecord):
        return {"run": one.run, "state": "unreadable", "reason": one.reason}
    return {
        "run": one.run,
        "tenant": one.tenant,
        "state": one.state,
        "started_ms": one.started_ms,
        "finished_ms": one.finished_ms,
        "scopes": len(one.scopes),
        "published": sum(scope.promotion.outcome in {"first", "promoted"} for scope in one.scopes),
        "fits": one.cost.fits,
        "seconds": round(one.cost.seconds, 1),
        "dataset": one.dataset and one.dataset.sha256,
    }


def _line(row: dict[str, object]) -> str:
    night = f"{row['run']:36} {row['state']:8}"
    if "reason" in row:
        return f"{night} {row['reason']}"
    return f"{night} {row['scopes']:3} scopes, {row['published']} published, {row['fits']} fits, {row['seconds']} s"
