"""The arrays of one scope written while people pass by: what is known of sets says where each one's samples go.

Nothing but numbers and names of sets is in memory, however many samples there are. The files are those that
`numpy.save` makes of the whole arrays.
"""

from __future__ import annotations

import shutil
import uuid
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

import msgspec
import numpy as np
from kinelog.ml.examples import SetExample, SetFacts
from kinelog.ml.fit_data import FitData, FitDataError, Names, hash_of, mapped
from kinelog.ml.night_data import FiledSet
from kinelog.ml.windows import columns_of
from numpy.lib import format as npy
from numpy.typing import NDArray


class ArrayWriter:
    """Lays the arrays of one scope down, in a folder of its own until they are whole."""

    def __init__(
        self,
        folder: Path,
        sets: Sequence[FiledSet],
        folds: Sequence[int],
        sites: tuple[str, ...],
        labels: tuple[str, ...],
    ) -> None:
        """Lay everything down but the samples; sets with another label, or with none of the sites, are left out.

        Args:
            folder: For the arrays of all scopes; made if it is not there.
            sets: In any order; the arrays are in the order of their keys.
            folds: `(sets,)` of each.
            sites: The columns of the samples.
            labels: What is to be told apart.

        Raises:
            FitDataError: Nothing is left.
        """
        taken = [
            (one, fold)
            for one, fold in zip(sets, folds, strict=True)
            if one.label in labels and set(one.sites) & set(sites)
        ]
        if not taken:
            message = "examples: none has one of these labels and sites"
            raise FitDataError(message)
        taken.sort(key=lambda pair: pair[0].key)
        ordered = [one for one, _ in taken]
        self.people = frozenset(one.person for one in ordered)
        self._folder = folder
        self._names = _names(ordered, sites, labels)
        self._offsets = np.cumsum([0, *(one.rows for one in ordered)], dtype=np.int64)
        self._missing = len(ordered)
        self._building = folder / f".{uuid.uuid4().hex}"
        self._building.mkdir(parents=True)
        # Names first: whoever looks for an erased person's samples finds them here from the first byte on.
        (self._building / "names.json").write_bytes(msgspec.json.encode(self._names))
        for name, array in _numbers(ordered, self._names, [fold for _, fold in taken]).items():
            np.save(self._building / f"{name}.npy", array, allow_pickle=False)
        np.save(self._building / "offsets.npy", self._offsets, allow_pickle=False)
        with self._samples.open("wb") as file:
            shape = (int(self._offsets[-1]), 3 * len(sites))
            npy.write_array_header_1_0(file, {"descr": "<i2", "fortran_order": False, "shape": shape})
            self._header = file.tell()

    def put(self, examples: Iterable[SetExample]) -> None:
        """Write the samples of sets, each of which comes once; those of other sets are passed over.

        Raises:
            FitDataError: A set has another length than was said.
        """
        with self._samples.open("r+b") as file:
            for example in examples:
                place = bisect_left(self._names.keys, example.key)
                if place < len(self._names.keys) and self._names.keys[place] == example.key:
                    self._write(file, place, columns_of(example, self._names.sites))

    def finish(self) -> FitData:
        """The arrays, under the hash of what is in them; those that are there already are taken.

        Raises:
            FitDataError: A set has not come.
        """
        if self._missing:
            message = f"{self._missing} sets: their samples have not come"
            raise FitDataError(message)
        sha256 = hash_of(self._building, self._names)
        place = self._folder / sha256
        try:
            self._building.rename(place)
        except OSError:
            # Two scopes may have the same sets; anything else is raised.
            if not place.exists():
                raise
            shutil.rmtree(self._building)
        return mapped(place, sha256, self._names)

    @property
    def _samples(self) -> Path:
        return self._building / "samples.npy"

    def _write(self, file: IO[bytes], place: int, samples: NDArray[np.int16]) -> None:
        first, behind = int(self._offsets[place]), int(self._offsets[place + 1])
        if len(samples) != behind - first:
            message = f"set {place}: {len(samples)} rows and not {behind - first}"
            raise FitDataError(message)
        file.seek(self._header + first * samples.shape[1] * samples.itemsize)
        file.write(samples.astype("<i2").tobytes())
        self._missing -= 1


def _numbers(ordered: list[FiledSet], names: Names, folds: list[int]) -> dict[str, NDArray[np.int64]]:
    """What the arrays say of each set."""
    columns = {
        "start_rows": [one.start_row for one in ordered],
        "end_rows": [one.end_row for one in ordered],
        "labels": [names.labels.index(str(one.label)) for one in ordered],
        "fine": [names.fine.index(_fine(one)) for one in ordered],
        "present": [sum(1 << at for at, site in enumerate(names.sites) if site in one.sites) for one in ordered],
        "folds": folds,
    }
    return {name: np.array(values, dtype=np.int64) for name, values in columns.items()}


def _fine(one: SetFacts) -> str:
    # Two exercises may have stations of one name.
    return f"{one.label}/{one.fine}"


def _names(ordered: Sequence[SetFacts], sites: tuple[str, ...], labels: tuple[str, ...]) -> Names:
    label_of = {_fine(one): str(one.label) for one in ordered}
    # A label that only confirmation or another combination knows is still an output: phones know one vocabulary.
    for label in set(labels) - set(label_of.values()):
        label_of[f"{label}/{label}"] = label
    fine = tuple(sorted(label_of, key=lambda name: (labels.index(label_of[name]), name)))
    groups = tuple(labels.index(label_of[name]) for name in fine)
    return Names(sites, labels, fine, groups, tuple(one.key for one in ordered))
