"""Who is erased, or withdraws consent, leaves the data sets on disk and whatever was derived from them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec
from kinelog.ml.kept_state import UNREADABLE
from kinelog.ml.parquet import (
    MANIFEST,
    UNFINISHED,
    DatasetManifest,
    file_name,
    finish,
    is_dataset,
    person_files,
    read_manifest,
    tally_of,
)

_BLOCK = bytes(1 << 20)


class _Keys(msgspec.Struct):
    """Keys of the examples in a pool: `tenant/person/session/number`."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Purged:
    """What went.

    Attributes:
        files: Files of people.
        caches: Folders of results that were computed from a data set that is no more.
        manifest: Of the data set that is left; None where there was none.
    """

    files: int
    caches: int
    manifest: DatasetManifest | None


def purge(
    folder: Path,
    keep: Collection[str],
    caches: Iterable[Path] = (),
    *,
    arrays: Path | None = None,
    tenant: str | None = None,
) -> Purged:
    """Leave the data of these people and of nobody else.

    The files of everybody else are overwritten and removed, and so is all that lies in a cache under the hash of a data
    set they were in. What a disk keeps of overwritten blocks by itself is beyond any program: encrypt the disk.

    Args:
        folder: Of a data set; it need not exist.
        keep: Pseudonyms of the people whose data may stay: all who consent, or all who are left.
        caches: Folders with one folder a data set, named by its hash.
        arrays: Folder in which a fit lays samples down while it works: a data set, and a folder with a `names.json` for
            each pool.
        tenant: Whose arrays; of others nothing is known here, and they stay.

    Raises:
        DatasetError: The manifest cannot be read, or a file of somebody who stays.
        OSError: A file cannot be removed.
    """
    gone_arrays = 0 if arrays is None else _purge_arrays(arrays, keep, tenant)
    if not folder.is_dir():
        return Purged(0, gone_arrays, None)
    may_stay = {file_name(person) for person in keep}
    gone = [path for path in person_files(folder) if path.name not in may_stay]
    for path in gone:
        overwrite_and_remove(path)
    if (folder / UNFINISHED).is_dir():
        shutil.rmtree(folder / UNFINISHED)  # of a run that died, or of one that writes now and finds out
    manifest = _rewritten(folder, changed=bool(gone))
    current = None if manifest is None else manifest.sha256
    return Purged(len(gone), gone_arrays + sum(_clear(cache, current) for cache in caches), manifest)


def overwrite_and_remove(path: Path) -> None:
    """Remove a file, its content first.

    Raises:
        OSError: It cannot be written or removed.
    """
    left = path.stat().st_size
    with path.open("r+b") as file:
        while left > 0:
            left -= file.write(_BLOCK[: min(left, len(_BLOCK))])
        file.flush()
        os.fsync(file.fileno())
    path.unlink()


def _rewritten(folder: Path, *, changed: bool) -> DatasetManifest | None:
    """The manifest of what is left: another hash, since it is another data set."""
    if not (folder / MANIFEST).exists():
        for found in folder.iterdir():
            if found.is_dir() and is_dataset(found):
                shutil.rmtree(found)  # files that no manifest names, of a run that died in between
        return None
    before = read_manifest(folder)
    files = folder / before.sha256
    if not changed:
        return before
    files.mkdir(mode=0o700, exist_ok=True)
    for cluster in files.iterdir():
        if cluster.is_dir() and not any(cluster.iterdir()):
            cluster.rmdir()
    return finish(folder, files, tally_of(files), before.dropped, before.note)


def _clear(cache: Path, current: str | None) -> int:
    """Remove what was computed from other data sets than the current one."""
    gone = 0
    for found in sorted(cache.iterdir()) if cache.is_dir() else ():
        if found.is_dir() and found.name != current:
            _overwrite_and_remove_all(found)
            gone += 1
    return gone


def _purge_arrays(arrays: Path, keep: Collection[str], tenant: str | None) -> int:
    """Remove pools that somebody is in who has left, and their own files; a killed night may have left them behind."""
    gone = 0
    for found in sorted(arrays.iterdir()) if arrays.is_dir() else ():
        if (found / MANIFEST).exists():
            # What a night fills its arrays from, if it was killed before they were full.
            gone += bool(purge(found, keep).files)
        elif found.is_dir() and not _all_stay(found / "names.json", keep, tenant):
            _overwrite_and_remove_all(found)
            gone += 1
    return gone


def _all_stay(names: Path, keep: Collection[str], tenant: str | None) -> bool:
    try:
        keys = msgspec.json.decode(names.read_bytes(), type=_Keys).keys
    except (OSError, *UNREADABLE):
        return False  # half written, or nothing that says whose samples these are
    parts = [key.split("/", 2) for key in keys]
    return all(len(part) == 3 and (part[0] != tenant or part[1] in keep) for part in parts)


def _overwrite_and_remove_all(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            overwrite_and_remove(path)
    shutil.rmtree(folder)
