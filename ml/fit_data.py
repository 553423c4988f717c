"""The data of one scope's fits as arrays in a folder: what a task names by its hash, and workers map into memory.

The folder's name is the hash of everything in it. It holds people's samples, so it stays only as long as a night needs
it (`remove`); it is made again from the data set whenever it is missing.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from kinelog.ml.examples import RATE_HZ, SetExample
from kinelog.ml.kept_state import UNREADABLE
from kinelog.ml.network_size import NetworkShape
from numpy.typing import NDArray

BLOCK: Final = 1 << 20
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


def load(folder: Path, sha256: str) -> FitData:
    """Map the arrays with this hash into memory.

    Raises:
        FitDataError: They are not there, or their content has another hash.
    """
    place = folder / sha256
    try:
        names = msgspec.json.decode((place / "names.json").read_bytes(), type=Names)
        found = hash_of(place, names)
    except OSError as error:
        message = f"{place}: {error}; workers need the folder that the night works in"
        raise FitDataError(message) from error
    except UNREADABLE as error:
        message = f"{place / 'names.json'}: {error}; run again, and it is laid down anew"
        raise FitDataError(message) from error
    # Before numpy sees a byte of them: what it makes of a damaged header is anybody's guess.
    if found != sha256:
        message = f"{place}: its content has another hash; run again, and it is laid down anew"
        raise FitDataError(message)
    return mapped(place, sha256, names)


def mapped(place: Path, sha256: str, names: Names) -> FitData:
    """The arrays of a folder whose names are known, and whose content is; of the samples nothing is read.

    Raises:
        OSError, ValueError: A file is not there, or is none.
    """
    arrays = {name: np.load(_file(place, name), mmap_mode="r", allow_pickle=False) for name in _ARRAYS}
    return FitData(sha256, names, **arrays)


def remove(folder: Path) -> None:
    """Remove all that a night laid down: arrays of scopes, and what they are filled from."""
    shutil.rmtree(folder, ignore_errors=True)


def hash_of(place: Path, names: Names) -> str:
    """Hash of the arrays in a folder, headers included, and of their names: nothing of a file is parsed for it.

    Raises:
        OSError: A file is not there.
    """
    hashed = hashlib.sha256(msgspec.json.encode(names))
    for name in _ARRAYS:
        # Through a buffer, not through a map: pages that were mapped and read stay resident.
        with _file(place, name).open("rb") as file:
            hashed.update(f"{name} {os.fstat(file.fileno()).st_size}\0".encode())
            while block := file.read(BLOCK):
                hashed.update(block)
    return hashed.hexdigest()


def _file(place: Path, name: str) -> Path:
    return place / f"{name}.npy"
