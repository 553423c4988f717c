"""A night's data set: what is said of every set in memory, samples on disk, one person's at a time.

Whatever a night is fitted to, a deployment's tables or recordings, is laid down first, person by person, as
`kinelog fit data` does it. From what is noted meanwhile the night decides everything; samples are read once more, when
the arrays of its pools are filled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeVar

from kinelog.ml.clusters import cluster_of_example
from kinelog.ml.example_files import ExampleFileError, read_examples
from kinelog.ml.examples import Dataset, ExampleError, SetExample, SetFacts, content_hash
from kinelog.ml.parquet import PersonFile, file_name, people_of, write_dataset

FOLDER: Final = "examples"
"""Beside the arrays of the pools, and gone with them."""

Value = TypeVar("Value")


class NightDataError(Exception):
    """What a night laid down is not there any more, or is something else; the message says what to do."""


@dataclass(frozen=True, eq=False, slots=True)
class Offered:
    """What a night may be fitted to.

    Attributes:
        people: In any order, each once; read once, one at a time.
        dropped: How many sets were left out, by reason; complete when all people were read.
        note: Where the examples come from, in words.
    """

    people: Iterable[PersonFile]
    dropped: Mapping[str, int]
    note: str


@dataclass(frozen=True, eq=False, slots=True)
class FiledSet(SetFacts):
    """What is said of a set, and how long it is.

    Attributes:
        rows: Of its samples.
    """

    rows: int = field(kw_only=True)


@dataclass(frozen=True, eq=False, slots=True)
class NightData:
    """A data set of which everything but the samples is in memory.

    Attributes:
        sets: By their keys.
        sha256: Of the content, as `Dataset.sha256`.
        dropped: How many sets were left out, by reason.
        note: Where the examples come from, in words.
    """

    sets: tuple[FiledSet, ...]
    sha256: str
    dropped: dict[str, int]
    note: str
    _files: Mapping[str, Path]
    _hashes: Mapping[str, str]

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that occur, sorted."""
        return tuple(sorted({one.label for one in self.sets if one.label is not None}))

    def people(self, wanted: Container[str]) -> Iterator[tuple[str, list[SetExample]]]:
        """Each wanted person's pseudonym and examples, one person after the other.

        Raises:
            NightDataError: A file is gone, since its person has left, or has changed.
        """
        for person, path in self._files.items():
            if person in wanted:
                yield person, self._examples(person, path)

    def _examples(self, person: str, path: Path) -> list[SetExample]:
        try:
            found = read_examples(path)
        except ExampleFileError as error:
            message = f"{error}; whoever leaves takes their file along: run again"
            raise NightDataError(message) from error
        if content_hash(example.digest() for example in found) != self._hashes[person]:
            message = f"{path}: is not what was written; run again"
            raise NightDataError(message)
        return found


def offered_of(dataset: Dataset) -> Offered:
    """A data set that is in memory already: recordings."""
    clusters = {example.person: cluster_of_example(example) for example in dataset.examples}
    return Offered(people_of(dataset, clusters), dataset.dropped, dataset.note)


def laid_down(offered: Offered, folder: Path) -> NightData:
    """Write what is offered, and note what is said of each set.

    Args:
        offered: One person's examples are in memory at a time, unless it holds more itself.
        folder: Of the night; the data set goes into `FOLDER` within.

    Raises:
        ExampleError: Two examples have one key.
        DatasetError: A person came twice.
        NightDataError: Somebody removed what was written, meanwhile.
    """
    noted = _Noted()
    place = folder / FOLDER
    try:
        manifest = write_dataset(place, noted.passing(offered.people), offered.dropped, offered.note)
    except FileNotFoundError as error:
        message = f"{place}: removed while it was written, as `kinelog fit purge` does; run again"
        raise NightDataError(message) from error
    return NightData(
        sets=noted.sets(),
        sha256=manifest.sha256,
        dropped=dict(+Counter(offered.dropped)),
        note=offered.note,
        _files={one: place / manifest.sha256 / noted.clusters[one] / file_name(one) for one in noted.clusters},
        _hashes=noted.hashes,
    )


class _Noted:
    """What is noted of people as they pass by."""

    def __init__(self) -> None:
        self.clusters: dict[str, str] = {}
        self.hashes: dict[str, str] = {}
        self._sets: list[FiledSet] = []
        self._values: dict[tuple[type, object], object] = {}

    def passing(self, people: Iterable[PersonFile]) -> Iterator[PersonFile]:
        """The people, unchanged."""
        for one in people:
            self.clusters[one.person] = one.cluster
            self.hashes[one.person] = content_hash(example.digest() for example in one.examples)
            self._sets += [self._filed(example) for example in one.examples]
            yield one

    def sets(self) -> tuple[FiledSet, ...]:
        """All of them, by their keys."""
        self._values.clear()
        self._sets.sort(key=lambda one: one.key)
        for before, after in pairwise(self._sets):
            if before.key == after.key:
                raise ExampleError("key", f"{after.key!r} is there twice")
        return tuple(self._sets)

    def _filed(self, example: SetExample) -> FiledSet:
        return FiledSet(
            key=example.key,
            person=self._same(example.person),
            session=self._same(example.session),
            number=self._same(example.number),
            label=self._same(example.label),
            fine=self._same(example.fine),
            sites=self._same(example.sites),
            start_row=self._same(example.start_row),
            end_row=self._same(example.end_row),
            source_rate_hz=self._same(example.source_rate_hz),
            age_group=self._same(example.age_group),
            sex=self._same(example.sex),
            proficiency=self._same(example.proficiency),
            rows=self._same(len(example.samples)),
        )

    def _same(self, value: Value) -> Value:
        """Equal values are held once: most of what is said of a set is said of many."""
        held: Value = self._values.setdefault((type(value), value), value)  # type: ignore[assignment]  # its own type
        return held
