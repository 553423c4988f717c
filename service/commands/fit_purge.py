"""`kinelog fit purge`: data on disk follows erasures and withdrawals."""

from __future__ import annotations

from pathlib import Path

import click
from kinelog.service.commands.fit_data import tables
from kinelog.service.errors import RefusedError
from kinelog.service.options import data_option, json_option, print_result, store_option


@click.command()
@data_option
@store_option
@click.option("--tenant", required=True, help="Whose data.")
@click.option("--shared", is_flag=True, help="The data set was written with --shared.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the data set is.  [default: DATA/fit/datasets/TENANT]",
)
@click.option(
    "--work",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where nights lay down samples while they work.  [default: DATA/fit]",
)
@json_option
def command(
    *, data: Path, store: str | None, tenant: str, shared: bool, out: Path | None, work: Path | None, as_json: bool
) -> None:
    """Remove who is erased, or has withdrawn consent, from data sets and from what a killed night left behind.

    Schedule it as often as an erasure has to be through; `kinelog fit data` does the same for what it writes.

    Exit codes: 65 no such tenant, or no data set can be read there; 69 the store does not answer.

    \b
    Example:
      kinelog fit purge --data .data --tenant demo
    """
    from kinelog.ml.dataset import Selection, Shared
    from kinelog.ml.parquet import DatasetError
    from kinelog.ml.tenant_data import leave_only_consenting

    place = out or data / "fit" / "datasets" / tenant
    selection = Selection(shared=Shared.EVERYBODY if shared else Shared.TENANT)
    with tables(data, store, tenant) as read_side:
        try:
            purged = leave_only_consenting(
                read_side, tenant, place, selection, (work or data / "fit") / "arrays" / tenant
            )
        except DatasetError as error:
            raise RefusedError(str(error)) from error
    left = 0 if purged.manifest is None else purged.manifest.people
    result: dict[str, object] = {"files": purged.files, "arrays": purged.caches, "people_left": left}
    text = f"{purged.files} people's files and {purged.caches} folders of arrays removed; {left} people are left"
    print_result(result, text, as_json=as_json)
