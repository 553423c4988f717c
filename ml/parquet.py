"""Data sets on disk: a Parquet file a person, in a folder a cluster, and a manifest that names nobody.

    FOLDER/manifest.json               what the data set is: hash and counts
    FOLDER/<hash>/<cluster>/<name>.parquet

`<hash>` is the data set's, `<name>` a hash of the person's pseudonym: who knows a pseudonym finds the file that has to
go when the person is erased, and nobody learns a pseudonym from a listing. Files are readable by their owner only.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from kinelog.ml.example_files import ExampleFileError, read_examples, write_examples
from kinelog.ml.examples import Dataset, SetExample, content_hash, dataset_of
from kinelog.ml.kept_state import UNREADABLE
from kinelog.registry.clusters import is_within
from kinelog.registry.scope import NAME

MANIFEST = "manifest.json"
UNFINISHED = "unfinished"
SUFFIX = ".parquet"
_PERSON = b"kinelog fit data"


class DatasetError(Exception):
    """A data set on disk that is not what its manifest says, or is not there; the message says what to do."""


class ClusterCounts(msgspec.Struct, frozen=True):
    """How much there is of a cluster, without those within it; `sha256` is of its examples alone."""

    cluster: str
    people: int
    examples: int
    sha256: str


class DatasetManifest(msgspec.Struct, frozen=True):
    """What a data set is, without saying who is in it.

    Attributes:
        sha256: Of the content, whatever order it was written in; the same as of the data set in memory.
        labelled: Examples with a label; the others are of nothing.
        dropped: How many sets were left out, by reason.
        labels, sites, source_rates_hz: Examples by label, by site and by rate of the source.
    """

    sha256: str
    note: str
    people: int
    examples: int
    labelled: int
    dropped: dict[str, int]
    labels: dict[str, int]
    sites: dict[str, int]
    source_rates_hz: dict[str, int]
    clusters: tuple[ClusterCounts, ...]
    schema: int = 1


@dataclass(frozen=True, eq=False, slots=True)
class PersonFile:
    """What is written for one person."""

    person: str
    cluster: str
    examples: Sequence[SetExample]


def people_of(dataset: Dataset, clusters: Mapping[str, str]) -> Iterator[PersonFile]:
    """A data set in memory, person by person.

    Args:
        dataset: As read.
        clusters: The cluster of each person.
    """
    by_person: dict[str, list[SetExample]] = {}
    for example in dataset.examples:
        by_person.setdefault(example.person, []).append(example)
    for person, examples in by_person.items():
        yield PersonFile(person, clusters[person], examples)


def write_dataset(
    folder: Path, people: Iterable[PersonFile], dropped: Mapping[str, int], note: str = ""
) -> DatasetManifest:
    """Write a data set, in place of the one that was there.

    One person's examples are in memory at a time. The data set before stays whole until the new one is.

    Args:
        folder: Made if it is not there.
        people: In any order, each once.
        dropped: Counts of what was left out; read when all people are through, so that it may be filled meanwhile.
        note: Where the examples come from, in words.

    Raises:
        DatasetError: A person came twice.
        OSError: The disk refuses.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    building = folder / UNFINISHED
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(mode=0o700)
    tally = _Tally()
    for one in people:
        path = building / _checked(one.cluster) / file_name(one.person)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        if one.person in tally.people:
            raise DatasetError(f"{note or 'data set'}: a person came twice; each may come once")
        write_examples(path, one.examples)
        tally.add(one.person, one.cluster, one.examples)
    return finish(folder, building, tally, dropped, note)


def read_manifest(folder: Path) -> DatasetManifest:
    """What the data set in a folder is.

    Raises:
        DatasetError: There is none, or its manifest cannot be read.
    """
    try:
        return msgspec.json.decode((folder / MANIFEST).read_bytes(), type=DatasetManifest)
    except FileNotFoundError as error:
        raise DatasetError(f"{folder}: no {MANIFEST}; `kinelog fit data` writes a data set") from error
    except (OSError, *UNREADABLE) as error:
        raise DatasetError(
            f"{folder / MANIFEST}: {error}; remove it, and write the data set again with `kinelog fit data`"
        ) from error


def read_dataset(folder: Path, within: str | None = None) -> Dataset:
    """Read a data set, or the part of it whose people are in a cluster or in one within it.

    Raises:
        DatasetError: There is none, or its files are not what the manifest says.
    """
    manifest = read_manifest(folder)
    wanted = [counts for counts in manifest.clusters if within is None or is_within(counts.cluster, within)]
    examples: list[SetExample] = []
    for counts in wanted:
        of_cluster = [
            example
            for path in person_files(folder / manifest.sha256 / counts.cluster)
            for example in _examples_in(path)
        ]
        if content_hash(example.digest() for example in of_cluster) != counts.sha256:
            raise DatasetError(f"{folder}: cluster {counts.cluster} is not what the manifest says; write it again")
        examples += of_cluster
    return dataset_of(examples, manifest.dropped, manifest.note)


def file_name(person: str) -> str:
    """Name of the file of a person."""
    return hashlib.blake2b(person.encode(), digest_size=16, person=_PERSON).hexdigest() + SUFFIX


def person_files(folder: Path) -> list[Path]:
    """The files of a cluster's folder, or of all folders within."""
    return sorted(folder.rglob(f"*{SUFFIX}"))


@dataclass(slots=True)
class _Tally:
    """Counts of what was written; of an example no more than its digest."""

    people: set[str] = field(default_factory=set)
    digests: dict[str, list[bytes]] = field(default_factory=dict)
    of_cluster: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    sites: Counter[str] = field(default_factory=Counter)
    rates: Counter[str] = field(default_factory=Counter)

    def add(self, person: str, cluster: str, examples: Iterable[SetExample]) -> None:
        """Count one person's file."""
        self.people.add(person)
        self.of_cluster[cluster] += 1
        for example in examples:
            self.digests.setdefault(cluster, []).append(example.digest())
            if example.label is not None:
                self.labels[example.label] += 1
            self.sites.update(example.sites)
            self.rates[f"{example.source_rate_hz:.0f}"] += 1

    def manifest(self, dropped: Mapping[str, int], note: str) -> DatasetManifest:
        """Everything in a manifest."""
        clusters = tuple(
            ClusterCounts(name, self.of_cluster[name], len(found), content_hash(found))
            for name, found in sorted(self.digests.items())
        )
        everything = [digest for found in self.digests.values() for digest in found]
        return DatasetManifest(
            sha256=content_hash(everything),
            note=note,
            people=len(self.people),
            examples=len(everything),
            labelled=self.labels.total(),
            dropped=dict(sorted(dropped.items())),
            labels=dict(sorted(self.labels.items())),
            sites=dict(sorted(self.sites.items())),
            source_rates_hz=dict(sorted(self.rates.items(), key=lambda rate: int(rate[0]))),
            clusters=clusters,
        )


def tally_of(folder: Path) -> _Tally:
    """Counts of the files that are in a folder of clusters.

    Raises:
        DatasetError: One of them is damaged.
    """
    tally = _Tally()
    for path in person_files(folder):
        examples = _examples_in(path)
        if examples:
            tally.add(examples[0].person, path.parent.name, examples)
    return tally


def finish(folder: Path, building: Path, tally: _Tally, dropped: Mapping[str, int], note: str) -> DatasetManifest:
    """Let the manifest name what was built, then let go of what it named before."""
    manifest = tally.manifest(dropped, note)
    target = folder / manifest.sha256
    if target != building:
        if target.exists():
            shutil.rmtree(target)
        building.rename(target)
    _write_private(folder / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=1))
    for other in folder.iterdir():
        if other.is_dir() and other != target and is_dataset(other):
            shutil.rmtree(other)
    return manifest


def _examples_in(path: Path) -> list[SetExample]:
    try:
        return read_examples(path)
    except ExampleFileError as error:
        raise DatasetError(f"{error}; write the data set again with `kinelog fit data`") from error


def is_dataset(folder: Path) -> bool:
    """Whether a folder is named as the files of a data set are."""
    return folder.name == UNFINISHED or (len(folder.name) == 64 and set(folder.name) <= set("0123456789abcdef"))


def _checked(cluster: str) -> str:
    if not NAME.fullmatch(cluster):
        raise DatasetError(f"{cluster!r} is no name of a cluster")
    return cluster


def _write_private(path: Path, content: bytes) -> None:
    """Replace a file at once, readable by its owner only."""
    beside = path.with_suffix(".new")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    beside.replace(path)
