"""`kinelog fit score`."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec
from kinelog.service.configuration import DataFolder, Settings, load_settings
from kinelog.service.errors import RefusedError
from kinelog.service.model_stores import model_store
from kinelog.service.options import json_option

ON_A_CLUSTER = "cassandra://"


@click.command()
@click.option(
    "--models",
    required=True,
    metavar="STORE",
    help="Whose published models: a data folder, or cassandra://host[:port].",
)
@click.option(
    "--data",
    "recordings",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of recordings: NAME.npz with NAME.json, and folders of raw captures.",
)
@click.option("--recording", "names", multiple=True, help="Only this recording; may be repeated.  [default: all]")
@click.option("--tenant", help="Only this tenant's models.")
@json_option
def command(
    *, models: str, recordings: Path, names: tuple[str, ...], tenant: str | None, as_json: bool
) -> None:  # fmt: skip
    """Score published models on a folder of recordings: the first second of each set, and windows before it.

    For each recording the model is asked whose labels have most of the recording's, for the sensors that were worn;
    spellings of labels do not matter. Sets that cannot be judged are counted with the reason. Needs no TensorFlow.

    Exit codes: 65 no set could be judged (the report says why), there is nothing to score, or a model cannot be
    believed; 69 the store does not answer. Sets that were judged in part end in 0.

    \b
    Example:
      kinelog fit score --models .data --data recordings --json
    """
    from kinelog.ml.published_models import published_models
    from kinelog.ml.recorded_sets import RecordingError
    from kinelog.ml.score_report import report_text
    from kinelog.ml.scoring import score_folder

    with model_store(*_named(models)) as store:
        asked = published_models(store, tenant)
    if not asked:
        whose = f" of {tenant}" if tenant else ""
        raise RefusedError(f"{models} holds no published model{whose}: `kinelog fit run` publishes them")
    try:
        report = score_folder(asked, recordings, names)
    except RecordingError as error:
        raise RefusedError(str(error)) from error
    click.echo(msgspec.json.encode(report).decode() if as_json else report_text(report))
    if not report.judged_anything:
        # What was printed says why; a scheduler that reads no report has to hear of it, too.
        sys.exit(RefusedError.exit_code)


def _named(models: str) -> tuple[DataFolder, Settings]:
    """The store that a folder or an address means."""
    if models.startswith(ON_A_CLUSTER):
        return DataFolder(Path()), load_settings(Path(), store=models)
    return DataFolder(Path(models)), load_settings(Path(models))
