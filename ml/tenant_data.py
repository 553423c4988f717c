"""A tenant's data set on disk, brought up to date: clusters, files, and nobody in it who has left meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kinelog.ml.clusters import (
    ClusterTable,
    ClusterTableError,
    assigned_cluster,
    cluster_of_example,
    fitted_table,
    people_by_cluster,
)
from kinelog.ml.dataset import Selection, consenting, examples_by_person
from kinelog.ml.night_data import Offered
from kinelog.ml.parquet import DatasetError, DatasetManifest, PersonFile, write_dataset
from kinelog.ml.purge import Purged, purge
from kinelog.projections.read_side import ReadSide

CLUSTERS = "clusters.json"


@dataclass(frozen=True, eq=False, slots=True)
class Refreshed:
    """What a folder holds now.

    Attributes:
        table: The clusters that its people are sorted into.
        left: Files of people who withdrew or were erased while it was written.
    """

    manifest: DatasetManifest
    table: ClusterTable
    left: int


def refresh(
    read_side: ReadSide,
    tenant: str,
    folder: Path,
    selection: Selection | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Refreshed:
    """Write a tenant's data set.

    Args:
        read_side: The tables; one that knows of erasures before the tables do.
        tenant: Whose.
        folder: Where; the clusters of the run before are kept there, too.
        selection: What is wanted.
        progress: Told how many labels are looked at, of how many.

    Raises:
        ViewsUnavailableError: The tables cannot be read.
        DatasetError: What the folder holds cannot be read.
    """
    selection = selection or Selection()
    people = people_by_cluster(consenting(read_side, tenant, selection.shared))
    table = fitted_table(people, _table(folder))
    dropped: Counter[str] = Counter()

    def files() -> Iterator[PersonFile]:
        for found in examples_by_person(read_side, tenant, dropped, selection, progress):
            said = found.person
            cluster = assigned_cluster(said.age_group, said.sex, said.proficiency, table.clusters)
            yield PersonFile(said.person, cluster, found.examples)

    manifest = write_dataset(folder, files(), dropped, f"tenant {tenant}")
    (folder / CLUSTERS).write_bytes(table.to_bytes())
    # Reading takes long enough for somebody to change their mind.
    purged = leave_only_consenting(read_side, tenant, folder, selection)
    return Refreshed(purged.manifest or manifest, table, purged.files)


def offered_by_tenant(read_side: ReadSide, tenant: str, selection: Selection | None = None) -> Offered:
    """What a night may be fitted to: everybody's sets who consents, read while they are laid down.

    Args:
        read_side: As `refresh`.
        tenant: Whose.
        selection: What is wanted; the tenant's own models when absent.
    """
    dropped: Counter[str] = Counter()
    people = (
        PersonFile(found.person.person, cluster_of_example(found.examples[0]), found.examples)
        for found in examples_by_person(read_side, tenant, dropped, selection)
    )
    return Offered(people, dropped, f"tenant {tenant}")


def leave_only_consenting(
    read_side: ReadSide, tenant: str, folder: Path, selection: Selection | None = None, arrays: Path | None = None
) -> Purged:
    """Purge a tenant's data set of everybody who does not consent any more, or is no more.

    Args:
        read_side: As `refresh`.
        tenant: Whose.
        folder: Of the data set.
        selection: As it was written with.
        arrays: Where a fit lays down samples while it works.

    Raises:
        ViewsUnavailableError, DatasetError: As `refresh`.
    """
    keep = {person.person for person in consenting(read_side, tenant, (selection or Selection()).shared)}
    return purge(folder, keep, arrays=arrays, tenant=tenant)


def _table(folder: Path) -> ClusterTable | None:
    path = folder / CLUSTERS
    try:
        return ClusterTable.from_bytes(path.read_bytes())
    except FileNotFoundError:
        return None
    except ClusterTableError as error:
        raise DatasetError(f"{path}: {error}; remove it, and clusters are made anew") from error
