"""The data of one scope's fits as arrays in a folder: what a task names by its hash, and workers map into memory.

The folder's name is the hash of everything in it. It holds people's samples, so it stays only as long as a night needs
it (`remove`); it is made again from the data set whenever it is missing.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from kinelog.ml.examples import RATE_HZ, SetExample
from kinelog.ml.network_size import NetworkShape
from kinelog.ml.windows import columns_of
from numpy.typing import NDArray

_ARRAYS: Final = ("samples", "offsets", "start_rows", "end_rows", "labels", "fine", "present", "folds")


class FitDataError(ValueError):
    """A folder that does not hold what its name says, or examples that cannot be fitted together."""


class Names(msgspec.Struct, frozen=True):
    """What the numbers in the arrays stand for.

    Attributes:
        sites: Of the columns.
        labels: Of `labels`.
        fine: Of `fine`.
        groups: The label that each fine label belongs to.
        keys: Of the examples.
    """

    sites: tuple[str, ...]
    labels: tuple[str, ...]
    fine: tuple[str, ...]
    groups: tuple[int, ...]
    keys: tuple[str, ...]


@dataclass(frozen=True, eq=False, slots=True)
class FitData:
    """Labelled examples of one scope.

    Attributes:
        sha256: Of everything here.
        names: What the numbers stand for.
        samples: `(rows, 3 * sites)` int16 milli-g, all examples one behind the other; sites not worn are zeros.
        offsets: `(examples + 1,)` where each begins.
        start_rows, end_rows: `(examples,)` of the labelled interval, counted from the example's beginning.
        labels, fine: `(examples,)`.
        present: `(examples,)` bit *i* is set where site *i* was worn.
        folds: `(examples,)`.
    """

    sha256: str
    names: Names
    samples: NDArray[np.int16]
    offsets: NDArray[np.int64]
    start_rows: NDArray[np.int64]
    end_rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    fine: NDArray[np.int64]
    present: NDArray[np.int64]
    folds: NDArray[np.int64]

    def __len__(self) -> int:
        """Number of examples."""
        return len(self.labels)

    @property
    def shape(self) -> NetworkShape:
        """What a network for these data is connected to."""
        return NetworkShape(len(self.names.sites), len(self.names.labels), len(self.names.fine))

    @property
    def complete(self) -> NDArray[np.bool_]:
        """`(examples,)` whether every site was worn."""
        everything = (1 << len(self.names.sites)) - 1
        whole: NDArray[np.bool_] = self.present == everything
        return whole

    def examples(self) -> list[SetExample]:
        """The examples again, without their people; their samples are views into `samples`."""
        sites, labels = self.names.sites, self.names.labels
        return [
            SetExample(
                key=key,
                person="",
                session="",
                number=place,
                label=labels[self.labels[place]],
                fine=self.names.fine[self.fine[place]],
                sites=sites,
                samples=self.samples[self.offsets[place] : self.offsets[place + 1]],
                start_row=int(self.start_rows[place]),
                end_row=int(self.end_rows[place]),
                source_rate_hz=float(RATE_HZ),
            )
            for place, key in enumerate(self.names.keys)
        ]


def fit_data_of(
    examples: list[SetExample], folds: NDArray[np.int64], sites: tuple[str, ...], labels: tuple[str, ...]
) -> FitData:
    """Put examples together; those with another label than `labels`, or without any of the sites, are left out.

    Args:
        examples: In any order; the result is in the order of their keys.
        folds: `(examples,)` of each.
        sites: The columns of the result.
        labels: What is to be told apart.

    Raises:
        FitDataError: Nothing is left.
    """
    taken = sorted(
        (
            (example, int(fold))
            for example, fold in zip(examples, folds, strict=True)
            if example.label in labels and set(example.sites) & set(sites)
        ),
        key=lambda pair: pair[0].key,
    )
    if not taken:
        message = "examples: none has one of these labels and sites"
        raise FitDataError(message)
    ordered = [example for example, _ in taken]
    names = _names(ordered, sites, labels)
    offsets = np.cumsum([0, *(len(example.samples) for example in ordered)], dtype=np.int64)
    data = FitData(
        sha256="",
        names=names,
        samples=_samples(ordered, sites, offsets),
        offsets=offsets,
        start_rows=np.array([example.start_row for example in ordered], dtype=np.int64),
        end_rows=np.array([example.end_row for example in ordered], dtype=np.int64),
        labels=np.array([labels.index(str(example.label)) for example in ordered], dtype=np.int64),
        fine=np.array([names.fine.index(_fine(example)) for example in ordered], dtype=np.int64),
        present=np.array(
            [sum(1 << place for place, site in enumerate(sites) if site in example.sites) for example in ordered],
            dtype=np.int64,
        ),
        folds=np.array([fold for _, fold in taken], dtype=np.int64),
    )
    return replace(data, sha256=_hash(names, {name: getattr(data, name) for name in _ARRAYS}))


def _samples(ordered: list[SetExample], sites: tuple[str, ...], offsets: NDArray[np.int64]) -> NDArray[np.int16]:
    # In place: joining the columns of all examples would hold them twice, and of a whole gym that is much.
    samples = np.empty((int(offsets[-1]), 3 * len(sites)), dtype=np.int16)
    for example, first, behind in zip(ordered, offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        samples[first:behind] = columns_of(example, sites)
    return samples


def store(data: FitData, folder: Path) -> Path:
    """Write the arrays to `folder/<hash>`, unless they are there; the path."""
    place = folder / data.sha256
    if place.exists():
        return place
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".") as made:
        inside = Path(made) / "data"
        inside.mkdir()
        for name in _ARRAYS:
            np.save(inside / f"{name}.npy", getattr(data, name), allow_pickle=False)
        (inside / "names.json").write_bytes(msgspec.json.encode(data.names))
        try:
            inside.rename(place)
        except OSError:
            # Somebody else made the same meanwhile; anything else is raised.
            if not place.exists():
                raise
    return place


def load(folder: Path, sha256: str) -> FitData:
    """Map what `store` wrote into memory.

    Raises:
        FitDataError: It is not there, or its content has another hash.
    """
    place = folder / sha256
    try:
        names = msgspec.json.decode((place / "names.json").read_bytes(), type=Names)
        arrays = {name: np.load(place / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in _ARRAYS}
    except (OSError, ValueError, msgspec.DecodeError) as error:
        message = f"{place}: {error}; workers need the folder that the night works in"
        raise FitDataError(message) from error
    if _hash(names, arrays) != sha256:
        message = f"{place}: its content has another hash; delete it, and run again"
        raise FitDataError(message)
    return FitData(sha256, names, **arrays)


def remove(folder: Path) -> None:
    """Remove the arrays of all scopes."""
    shutil.rmtree(folder, ignore_errors=True)


def _fine(example: SetExample) -> str:
    # Two exercises may have stations of one name.
    return f"{example.label}/{example.fine}"


def _names(examples: list[SetExample], sites: tuple[str, ...], labels: tuple[str, ...]) -> Names:
    label_of = {_fine(example): str(example.label) for example in examples}
    # A label that only confirmation or another combination knows is still an output: phones know one vocabulary.
    for label in set(labels) - set(label_of.values()):
        label_of[f"{label}/{label}"] = label
    fine = tuple(sorted(label_of, key=lambda name: (labels.index(label_of[name]), name)))
    groups = tuple(labels.index(label_of[name]) for name in fine)
    return Names(sites, labels, fine, groups, tuple(example.key for example in examples))


def _hash(names: Names, arrays: dict[str, NDArray[np.generic]]) -> str:
    hashed = hashlib.sha256(msgspec.json.encode(names))
    for name in _ARRAYS:
        array = arrays[name]
        hashed.update(f"{name} {array.dtype.str} {array.shape}".encode())
        hashed.update(np.ascontiguousarray(array).data)
    return hashed.hexdigest()
