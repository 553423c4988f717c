"""`kinelog fit data`: a data set on disk, out of a deployment's tables or a folder of recordings."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec
from kinelog.api.unerased_views import UnerasedViews
from kinelog.projections.errors import ViewsUnavailableError
from kinelog.projections.read_side import ReadSide
from kinelog.service.configuration import DataFolder, load_settings
from kinelog.service.errors import RefusedError, UnavailableServiceError
from kinelog.service.folder_lock import FolderLock
from kinelog.service.known_tenants import require_tenant
from kinelog.service.opened_data import open_data
from kinelog.service.options import data_option, json_option, print_result, store_option

if TYPE_CHECKING:
    from kinelog.ml.examples import Dataset
    from kinelog.ml.parquet import DatasetManifest

Progress = Callable[[int, int], None]


@click.command()
@data_option
@store_option
@click.option("--tenant", help="Whose sets; needed unless --recordings is given.")
@click.option(
    "--recordings",
    "recorded",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Read a folder of recordings instead of a deployment's tables.",
)
@click.option("--only", multiple=True, metavar="NAME", help="With --recordings: only this one; may be repeated.")
@click.option("--shared", is_flag=True, help="For models that other tenants may use: needs the consent shared-models.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where to write.  [default: DATA/fit/datasets/TENANT, or …/recordings]",
)
@json_option
def command(
    *,
    data: Path,
    store: str | None,
    tenant: str | None,
    recorded: Path | None,
    only: tuple[str, ...],
    shared: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    """Write a data set: labelled sets at 50 Hz with the seconds before them, a Parquet file a person.

    From the tables only people are read who consent to training-models; docs/fit-data.md says what else is left out,
    and each reason is counted. The data set that was there before is replaced when the new one is whole.

    Exit codes: 64 wrong usage, or the extra `ml` is missing; 65 recordings that cannot be read, or no
    such tenant; 69 the store does not
    answer; 75 somebody else writes there.

    \b
    Examples:
      kinelog fit data --data .data --tenant demo
      kinelog fit data --recordings ../recordings --only gymwatch --out /tmp/gymwatch
    """
    if (tenant is None) == (recorded is None):
        raise click.UsageError("give --tenant NAME, or --recordings FOLDER")
    place = out or data / "fit" / "datasets" / (tenant or "recordings")
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    with FolderLock(place / "write.lock"), _shown(show=not as_json and sys.stderr.isatty()) as progress:
        if recorded is not None:
            manifest = _of_recordings(recorded, only, place, progress)
        else:
            with tables(data, store, str(tenant)) as read_side:
                manifest = _of_tenant(read_side, str(tenant), place, progress, shared=shared)
    result = {"folder": str(place), **msgspec.to_builtins(manifest)}
    print_result(result, _in_words(place, manifest, recorded=recorded is not None), as_json=as_json)


@contextmanager
def tables(data: Path, store: str | None, tenant: str) -> Iterator[ReadSide]:
    """The tables of a deployment without the erased, beside a running service.

    Raises:
        RefusedError: Nobody created the tenant: a mistyped one has nobody to read and nobody to remove.
        UnavailableServiceError: The store does not answer, or its tables are not there.
        ConfigurationError: A key or an address is wrong.
    """
    place, settings = DataFolder(data), load_settings(data, store=store)
    with open_data(place, settings, may_write=False) as opened:
        views = opened.read_side()
        try:
            require_tenant(place, settings, tenant)
            # Tables hear of an erasure a moment later than the list of erasures: nobody is learnt from meanwhile.
            yield UnerasedViews(views, opened.keys)
        except ViewsUnavailableError as error:
            raise UnavailableServiceError(str(error)) from error
        finally:
            views.close()


def _of_tenant(read_side: ReadSide, tenant: str, place: Path, progress: Progress, *, shared: bool) -> DatasetManifest:
    from kinelog.ml.dataset import Selection, Shared
    from kinelog.ml.parquet import DatasetError
    from kinelog.ml.tenant_data import refresh

    selection = Selection(shared=Shared.EVERYBODY if shared else Shared.TENANT)
    try:
        return refresh(read_side, tenant, place, selection, progress).manifest
    except DatasetError as error:
        raise RefusedError(str(error)) from error


def _of_recordings(recorded: Path, only: tuple[str, ...], place: Path, progress: Progress) -> DatasetManifest:
    from kinelog.ml.parquet import people_of, write_dataset
    from kinelog.ml.recorded_sets import RecordingError
    from kinelog.ml.recordings import Reading, read_recordings
    from kinelog.phone.capture_files import CaptureError

    try:
        dataset = read_recordings(recorded, Reading(names=only or None), progress)
    except (RecordingError, CaptureError) as error:
        raise RefusedError(str(error)) from error
    people = people_of(dataset, _clusters_of(dataset))
    return write_dataset(place, people, dataset.dropped, dataset.note)


def _clusters_of(dataset: Dataset) -> dict[str, str]:
    """The finest clusters: a folder of recordings has no night before that a table would have to stay like."""
    from kinelog.ml.clusters import cluster_of_example

    return {example.person: cluster_of_example(example) for example in dataset.examples}


@contextmanager
def _shown(*, show: bool) -> Iterator[Progress]:
    """A bar on standard error, if somebody looks."""
    with click.progressbar(length=1, label="read", file=sys.stderr, hidden=not show) as bar:

        def told(done: int, total: int) -> None:
            bar.length = max(total, 1)
            bar.update(done - bar.pos)

        yield told


def _in_words(place: Path, manifest: DatasetManifest, *, recorded: bool) -> str:
    nothing = manifest.examples - manifest.labelled
    lines = [
        f"{manifest.labelled} labelled sets of {manifest.people} people and {nothing} pieces of nothing in {place}",
        f"sha256 {manifest.sha256}",
        *(
            f"  {counts.cluster:24} {counts.examples:7} examples of {counts.people} people"
            for counts in manifest.clusters
        ),
        *(f"  left out: {count:7} x {reason}" for reason, count in manifest.dropped.items()),
    ]
    if not manifest.labelled:
        wanted = "no set passed" if recorded else "people have to consent to training-models, and sets to be labelled"
        lines.append(f"Nothing to fit: {wanted}.")
    return "\n".join(lines)
