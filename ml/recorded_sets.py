"""Folders of recordings: `NAME.npz` with the samples of all sets, `NAME.json` that says what each set is.

`samples` is `(rows, 3 * sites)` int16 milli-g with gravity; rows of set *i* are `samples[offset[i]:offset[i + 1]]`. The
JSON has a `note` and `sets`, in that order; which columns a set has differs from recording to recording.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

MAX_JSON_BYTES = 64 * 1024 * 1024
MAX_SAMPLE_BYTES = 2 * 1024 * 1024 * 1024
Word = str | int | float


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
    sets: tuple[SetColumns, ...]
    note: str = ""


@dataclass(frozen=True, eq=False, slots=True)
class RecordedSet:
    """One row of a recording, with its samples `(rows, columns)` int16."""

    index: int
    columns: SetColumns
    samples: NDArray[np.int16]


@dataclass(frozen=True, eq=False, slots=True)
class Recording:
    """One file."""

    name: str
    note: str
    sets: tuple[RecordedSet, ...]


def recordings_in(folder: Path) -> list[str]:
    """Names of the recordings of a folder.

    Raises:
        RecordingError: It is no folder.
    """
    if not folder.is_dir():
        raise RecordingError(f"{folder}: there is no such folder")
    return sorted(path.stem for path in folder.glob("*.json") if path.with_suffix(".npz").is_file())


def read_recording(folder: Path, name: str) -> Recording:
    """Read one recording.

    Raises:
        RecordingError: With the file and the field.
    """
    listing, samples, offset = _listing(folder / f"{name}.json"), *_arrays(folder / f"{name}.npz")
    if len(offset) != len(listing.sets) + 1:
        raise RecordingError(f"{name}.npz: offset: {len(listing.sets)} sets need {len(listing.sets) + 1} of them")
    if offset[0] != 0 or (np.diff(offset) < 0).any() or offset[-1] > len(samples):
        raise RecordingError(f"{name}.npz: offset: rises from 0 to at most the {len(samples)} rows that there are")
    return Recording(name, listing.note, tuple(_sets(name, listing, samples, offset)))


def _listing(path: Path) -> _Listing:
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise RecordingError(f"{path.name}: {path.stat().st_size} bytes; at most {MAX_JSON_BYTES}")
        return msgspec.json.decode(path.read_bytes(), type=_Listing)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RecordingError(f"{path.name}: {error}") from error
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror}") from error


def _arrays(path: Path) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(info.file_size for info in archive.infolist())
        if size > MAX_SAMPLE_BYTES:
            raise RecordingError(f"{path.name}: {size} bytes; at most {MAX_SAMPLE_BYTES}")
        with np.load(path, allow_pickle=False) as arrays:
            samples, offset = arrays["samples"], arrays["offset"]
    except KeyError as error:
        raise RecordingError(f"{path.name}: it needs `samples` and `offset`") from error
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise RecordingError(f"{path.name}: {error}") from error
    if samples.dtype != np.int16 or samples.ndim != 2 or samples.shape[1] % 3:
        raise RecordingError(f"{path.name}: samples: int16 (rows, 3 * sites), not {samples.dtype} {samples.shape}")
    if offset.ndim != 1 or not np.issubdtype(offset.dtype, np.integer) or not len(offset):
        raise RecordingError(f"{path.name}: offset: whole numbers, one more than sets")
    return samples, offset.astype(np.int64)


def _sets(name: str, listing: _Listing, samples: NDArray[np.int16], offset: NDArray[np.int64]) -> Iterator[RecordedSet]:
    for index, columns in enumerate(listing.sets):
        if not 0 < columns.rate_hz < 10_000:
            raise RecordingError(f"{name}.json: set {index}: rate_hz: more than 0, not {columns.rate_hz}")
        sites = len(columns.sites) if columns.sites is not None else samples.shape[1] // 3
        if sites * 3 != samples.shape[1] or (columns.sites is None and sites > 1):
            wanted = samples.shape[1] // 3
            raise RecordingError(f"{name}.json: set {index}: sites: {wanted} needed, one for each three columns")
        yield RecordedSet(index, columns, samples[offset[index] : offset[index + 1]])
