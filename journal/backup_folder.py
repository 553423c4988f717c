"""What a backup looks like on disk: a file of SQLite and a manifest with its hash, complete or not there at all."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec
from kinelog.embedded_files.folders import sync_folder
from kinelog.journal.errors import JournalError
from kinelog.journal.sqlite_file import translated

MANIFEST_NAME = "manifest.json"
FORMAT = 1
_CHUNK = 1 << 20

Kind = Literal["log", "keys", "models"]
"""What a backup is of."""


class BackupError(JournalError):
    """A backup cannot be made, is not whole, or is not what was asked for; the message says which file."""


class FileHash(msgspec.Struct, frozen=True):
    """Size and SHA-256 (hex) of a file."""

    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup says about itself.

    Attributes:
        format: Version of this layout.
        kind: A log, keys or models; log and keys are kept apart.
        made_ms: When, Unix milliseconds.
        files: Hash of each file by name.
        incarnation: Which log it is; empty for what is none.
        heads: Position of the last event of each shard; empty for what has none.
    """

    format: int
    kind: Kind
    made_ms: int
    files: dict[str, FileHash]
    incarnation: str = ""
    heads: tuple[int, ...] = ()


def copy_while_in_use(source: Path, target: Path) -> None:
    """A consistent copy of a SQLite file that others read and write meanwhile; durable.

    Raises:
        BackupError: There is no such file.
        JournalError: It does not answer, or there is no room.
    """
    if not source.is_file():
        raise BackupError(f"there is no {source}")
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with translated(f"copy of {source}"):
        connection = sqlite3.connect(source, timeout=30.0, isolation_level=None)
        try:
            # Only live rows, in one view of the source: nothing that was deleted there comes along in free pages.
            connection.execute("VACUUM INTO ?", (str(target),))
        finally:
            connection.close()
    descriptor = os.open(target, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def appearing_whole(final: Path) -> Iterator[Path]:
    """A folder to write into that gets its name only when everything in it is durable.

    Raises:
        BackupError: There is something of that name that is not an empty folder.
    """
    if final.exists() and (not final.is_dir() or any(final.iterdir())):
        raise BackupError(f"{final} is not empty: name a folder that does not exist yet")
    final.parent.mkdir(parents=True, exist_ok=True)
    draft = final.with_name(f".{final.name}.{secrets.token_hex(4)}")
    draft.mkdir(mode=0o700)
    try:
        yield draft
        sync_folder(draft)
        draft.replace(final)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    sync_folder(final.parent)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Put the manifest into a folder, durably and in one step."""
    draft = folder / f".{MANIFEST_NAME}"
    with draft.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / MANIFEST_NAME)
    sync_folder(folder)


def read_manifest(folder: Path, kind: Kind) -> Manifest:
    """The manifest of a backup whose files all have the hashes that it names.

    Raises:
        BackupError: It is no backup of this kind, or not whole.
    """
    path = folder / MANIFEST_NAME
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError as error:
        raise BackupError(f"{folder} is no backup: it has no {MANIFEST_NAME}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BackupError(f"{path}: {error}") from error
    if manifest.format != FORMAT or manifest.kind != kind:
        raise BackupError(f"{folder} holds {manifest.kind} in format {manifest.format}, not {kind} in {FORMAT}")
    for name, expected in manifest.files.items():
        file = folder / name
        if Path(name).name != name or not file.is_file():
            raise BackupError(f"{file} is missing")
        if hash_of(file) != expected:
            raise BackupError(f"{file} is not the file that was backed up: its hash differs")
    return manifest


def hash_of(path: Path) -> FileHash:
    """Size and hash of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return FileHash(path.stat().st_size, digest.hexdigest())
