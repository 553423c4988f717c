"""Who is erased, or withdraws consent, leaves the data sets on disk and whatever was derived from them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

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


def purge(folder: Path, keep: Collection[str], caches: Iterable[Path] = ()) -> Purged:
    """Leave the data of these people and of nobody else.

    The files of everybody else are overwritten and removed, and so is all that lies in a cache under the hash of a data
    set they were in. What a disk keeps of overwritten blocks by itself is beyond any program: encrypt the disk.

    Args:
        folder: Of a data set; it need not exist.
        keep: Pseudonyms of the people whose data may stay: all who consent, or all who are left.
        caches: Folders with one folder a data set, named by its hash.

    Raises:
        DatasetError: The manifest cannot be read.
        OSError: A file cannot be removed.
    """
    if not folder.is_dir():
        return Purged(0, 0, None)
    may_stay = {file_name(person) for person in keep}
    gone = [path for path in person_files(folder) if path.name not in may_stay]
    for path in gone:
        overwrite_and_remove(path)
    if (folder / UNFINISHED).is_dir():
        shutil.rmtree(folder / UNFINISHED)  # of a run that died, or of one that writes now and finds out
    manifest = _rewritten(folder, changed=bool(gone))
    current = None if manifest is None else manifest.sha256
    return Purged(len(gone), sum(_clear(cache, current) for cache in caches), manifest)


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
            for path in found.rglob("*"):
                if path.is_file() and not path.is_symlink():
                    overwrite_and_remove(path)
            shutil.rmtree(found)
            gone += 1
    return gone
