"""`kinelog fit show`."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec
from kinelog.service.configuration import DataFolder, load_settings
from kinelog.service.errors import RefusedError
from kinelog.service.model_stores import model_store
from kinelog.service.options import data_option, json_option, store_option
from kinelog.service.written_files import write_file


@click.command()
@click.argument("run", required=False)
@data_option
@store_option
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the night's report (HTML) there.")
@json_option
def command(*, run: str | None, data: Path, store: str | None, out: Path | None, as_json: bool) -> None:
    """Show the night RUN, the newest if none is named; `--json` prints its whole record.

    Exit codes: 65 there is no such night, or its record cannot be read, 69 the store does not answer, 73 the report
    cannot be written.

    \b
    Examples:
      kinelog fit show --data .data
      kinelog fit show --data .data --out report.html
    """
    from kinelog.ml.kept_state import DamagedStateError, kept_in
    from kinelog.ml.record_text import text_of
    from kinelog.ml.run_book import records_of
    from kinelog.ml.run_record import record_bytes, record_of

    with model_store(DataFolder(data), load_settings(data, store=store)) as models:
        entries = models.runs(1)
        name = run or (entries[0].run_id if entries else "")
        found = models.run(name) if name else None
        if found is None:
            message = f"there is no run {name!r}; `kinelog fit list` names those that were" if run else "no night yet"
            raise RefusedError(message)
        try:
            with kept_in(models, f"the record of {name}"):
                record = record_of(found)
        except DamagedStateError as error:
            raise RefusedError(str(error)) from error
        before = next((one for one in records_of(models, record.tenant) if one.run == record.previous_run), None)
    if out is not None:
        from kinelog.ml.report.page import render_report

        write_file(out, render_report(record, before).encode())
    click.echo(msgspec.json.format(record_bytes(record)).decode() if as_json else text_of(record))
    if out is not None and not as_json:
        click.echo(f"  report: {out}")
