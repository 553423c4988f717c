"""Folders of recordings: `NAME.npz` with the samples of all sets, `NAME.json` that says what each set is.

`samples` is `(rows, 3 * sites)` int16 milli-g with gravity; rows of set *i* are `samples[offset[i]:offset[i + 1]]`. The
JSON has a `note` and `sets`, in that order; which columns a set has differs from recording to recording. Floats are
taken too, in milli-g, g or metres a second squared, and a row of them that is no number is a sample that was lost: time
goes on, and nothing is made up. A set whose line cannot be used is counted with the reason; the others are read.
"""

from __future__ import annotations

import lzma
import tokenize
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

MAX_JSON_BYTES = 64 * 1024 * 1024
MAX_SAMPLE_BYTES = 2 * 1024 * 1024 * 1024
Word = str | int | float
_NO_ARRAYS = (
    OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, RuntimeError, SyntaxError,
    tokenize.TokenError, OverflowError, MemoryError, Warning,
)  # fmt: skip
"""What zipfile and numpy raise for a damaged file: both parse before any checksum says that they should not. Runtime
errors are a method, a version or an encryption that zipfile does not know; a shape may be more than there is memory."""
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
LARGEST_OF_A_LARGER_UNIT = 30.0
"""Three g in metres a second squared; the shortest sample that is believed has 300 milli-g."""


class RecordingError(Exception):
    """A recording that cannot be read; the message names the file and the field."""


class SetColumns(msgspec.Struct, frozen=True):
    """What a recording may say of a set; unknown columns are passed over.

    Attributes:
        exercise: The finest name; `coarse`: the name that is recognised, where there is a coarser one.
        activity: What somebody did who did no exercise.
        site: Where the sensor sat; `sites`: of several, in the order of the columns; `unit`: one of several that were
            recorded together, a row each.
        kind: `active` is the set, `idle` the seconds around it out of the same `file`.
        t0: Start within that file, in seconds.
        order: Number within the session.
        labels: `[first row, last row, name]` within a longer recording.
    """

    rate_hz: float
    subject: Word | None = None
    session: Word | None = None
    exercise: str | None = None
    coarse: str | None = None
    activity: str | None = None
    site: str | None = None
    sites: tuple[str, ...] | None = None
    unit: str | None = None
    kind: str | None = None
    t0: float | None = None
    file: str | None = None
    order: int | None = None
    labels: tuple[tuple[int, int, str], ...] | None = None
    age_group: str | None = None
    sex: str | None = None
    proficiency: str | None = None


class _Listing(msgspec.Struct, frozen=True):
    sets: tuple[msgspec.Raw, ...]
    note: str = ""


class _Samples(NamedTuple):
    """Of a file: `values` int16 `(rows, columns)`; rows that were `measured`, None where all were."""

    values: NDArray[np.int16]
    measured: NDArray[np.bool_] | None
    offset: NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class RecordedSet:
    """One row of a recording.

    Attributes:
        samples: `(rows, columns)` int16.
        measured: `(rows,)`: whether a row was measured, or stands for one that was lost; None where all were.
    """

    index: int
    columns: SetColumns
    samples: NDArray[np.int16]
    measured: NDArray[np.bool_] | None = None

    @property
    def known_samples(self) -> NDArray[np.int16]:
        """Those that were measured."""
        return self.samples if self.measured is None else self.samples[self.measured]


@dataclass(frozen=True, eq=False, slots=True)
class Recording:
    """One file; `refused` counts the sets that are not among `sets`, by reason."""

    name: str
    note: str
    sets: tuple[RecordedSet, ...]
    refused: Counter[str] = field(default_factory=Counter)


def recordings_in(folder: Path) -> list[str]:
    """Names of the recordings of a folder.

    Raises:
        RecordingError: It is no folder.
    """
    if not folder.is_dir():
        raise RecordingError(f"{folder}: there is no such folder")
    return sorted(path.stem for path in folder.glob("*.json") if path.with_suffix(".npz").is_file())


class Unusable(StrEnum):
    """Why a set is passed over whose line says too little, or what cannot be."""

    LINE = "line that cannot be read"
    RATE = "no rate"
    SITES = "sites do not fit the columns"


def read_recording(folder: Path, name: str) -> Recording:
    """Read one recording.

    Raises:
        RecordingError: With the file and the field.
    """
    listing, samples = _listing(folder / f"{name}.json"), _samples(folder / f"{name}.npz")
    offset = samples.offset
    if len(offset) != len(listing.sets) + 1:
        raise RecordingError(f"{name}.npz: offset: {len(listing.sets)} sets need {len(listing.sets) + 1} of them")
    if offset[0] != 0 or (np.diff(offset) < 0).any() or offset[-1] > len(samples.values):
        raise RecordingError(f"{name}.npz: offset: rises from 0 to at most the {len(samples.values)} rows there are")
    refused: Counter[str] = Counter()
    sets: list[RecordedSet] = []
    for index, line in enumerate(listing.sets):
        columns = _columns(line, samples.values.shape[1] // 3)
        if isinstance(columns, Unusable):
            refused[columns.value] += 1
            continue
        rows = slice(offset[index], offset[index + 1])
        measured = None if samples.measured is None else samples.measured[rows]
        sets.append(RecordedSet(index, columns, samples.values[rows], measured))
    return Recording(name, listing.note, tuple(sets), refused)


def _listing(path: Path) -> _Listing:
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise RecordingError(f"{path.name}: {path.stat().st_size} bytes; at most {MAX_JSON_BYTES}")
        return msgspec.json.decode(path.read_bytes(), type=_Listing)
    except _UNREADABLE as error:
        raise RecordingError(f"{path.name}: {error}") from error
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror}") from error


def _columns(line: msgspec.Raw, wanted: int) -> SetColumns | Unusable:
    try:
        rate = msgspec.json.decode(line, type=_Rate).rate_hz
        if rate is None or not 0 < rate < 10_000:
            return Unusable.RATE
        columns = msgspec.json.decode(line, type=SetColumns)
    except _UNREADABLE:
        return Unusable.LINE
    sites = len(columns.sites) if columns.sites is not None else wanted
    fits = sites == wanted and (columns.sites is not None or sites == 1)
    return columns if fits else Unusable.SITES


class _Rate(msgspec.Struct, frozen=True):
    rate_hz: float | None = None


def _samples(path: Path) -> _Samples:
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(info.file_size for info in archive.infolist())
        if size > MAX_SAMPLE_BYTES:
            raise RecordingError(f"{path.name}: {size} bytes; at most {MAX_SAMPLE_BYTES}")
        with np.load(path, allow_pickle=False) as arrays:
            samples, offset = arrays["samples"], arrays["offset"]
    except KeyError as error:
        raise RecordingError(f"{path.name}: it needs `samples` and `offset`") from error
    except _NO_ARRAYS as error:
        raise RecordingError(f"{path.name}: {str(error) or 'it ends too early'}") from error
    known = samples.dtype == np.int16 or np.issubdtype(samples.dtype, np.floating)
    if not known or samples.ndim != 2 or not samples.shape[1] or samples.shape[1] % 3:
        found = f"{samples.dtype} {samples.shape}"
        raise RecordingError(f"{path.name}: samples: int16 or floats (rows, 3 * sites), not {found}")
    if offset.ndim != 1 or not np.issubdtype(offset.dtype, np.integer) or not len(offset):
        raise RecordingError(f"{path.name}: offset: whole numbers, one more than sets")
    if samples.dtype == np.int16:
        return _Samples(samples, None, offset.astype(np.int64))
    measured = np.isfinite(samples).all(axis=1)
    return _Samples(_whole_numbers(samples, measured), measured, offset.astype(np.int64))


def _whole_numbers(samples: NDArray[np.floating], measured: NDArray[np.bool_]) -> NDArray[np.int16]:
    """Floats as int16: g and metres a second squared times 1000, milli-g as they are; what was lost as zeros."""
    values = np.where(measured[:, None], samples, 0.0).astype(np.float64)
    lengths = np.linalg.norm(values[measured].reshape(-1, 3), axis=1)
    # With gravity a sample is 1 g long: what is far below that in milli-g was written in a larger unit.
    larger_unit = len(lengths) > 0 and float(np.median(lengths)) < LARGEST_OF_A_LARGER_UNIT
    limits = np.iinfo(np.int16)
    return np.clip(np.rint(values * (1000.0 if larger_unit else 1.0)), limits.min, limits.max).astype(np.int16)
