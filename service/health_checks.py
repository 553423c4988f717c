"""What `kinelog doctor` looks at in a data folder: each check says what it found and, if that is ill, what to do."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from kinelog.privacy.errors import PrivacyError
from kinelog.privacy.key_store import KeyStore
from kinelog.registry.errors import RegistryError
from kinelog.registry.sqlite_model_store import SqliteModelStore
from kinelog.service.configuration import DataFolder, master_key_from
from kinelog.service.findings import Finding, Verdict
from kinelog.service.model_checks import examine_models, no_answer

LEAST_FREE_BYTES = 1 << 30
SLOW_FSYNC_MS = 20.0
FSYNC_ROUNDS = 20


def check_python() -> Finding:
    """Python and SQLite are new enough."""
    found = f"Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}"
    if sqlite3.sqlite_version_info < (3, 37):
        return Finding("versions", Verdict.ILL, found, "use a Python that was built with SQLite 3.37 or newer")
    return Finding("versions", Verdict.WELL, found)


def check_room(folder: DataFolder) -> Finding:
    """There is room for the log to grow."""
    free = shutil.disk_usage(folder.root).free
    found = f"{free / (1 << 30):.1f} GiB free"
    if free < LEAST_FREE_BYTES:
        return Finding("disk", Verdict.WARNING, found, "make room: with a full disk every write is answered 503")
    return Finding("disk", Verdict.WELL, found)


def check_fsync(folder: DataFolder) -> Finding:
    """A commit waits for one fsync: how long it takes bounds the latency of every frame."""
    file = folder.root / ".doctor-fsync"
    handle = os.open(file, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        times = []
        for _ in range(FSYNC_ROUNDS):
            os.write(handle, bytes(4096))
            start = time.perf_counter()
            os.fsync(handle)
            times.append(1000 * (time.perf_counter() - start))
    finally:
        os.close(handle)
        file.unlink()
    median = sorted(times)[len(times) // 2]
    found = f"fsync takes {median:.2f} ms (median of {FSYNC_ROUNDS})"
    if median > SLOW_FSYNC_MS:
        return Finding("fsync", Verdict.WARNING, found, "put the data folder on a faster disk")
    return Finding("fsync", Verdict.WELL, found)


def check_privacy(folder: DataFolder) -> Finding:
    """Nobody else can read the keys."""
    for path in (folder.root, folder.keys, folder.keys / "master.key", folder.keys / "keys.db", folder.model_key):
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            return Finding(
                "permissions", Verdict.ILL, f"{path} can be read by others", f"chmod -R go-rwx {folder.root}"
            )
    return Finding("permissions", Verdict.WELL, "keys and log are readable by their owner only")


def check_parts(folder: DataFolder) -> Finding:
    """Log and keys are both there: a log without its keys is noise."""
    missing = [str(path) for path in (folder.log, folder.keys / "keys.db") if not path.exists()]
    if len(missing) == 1:
        return Finding("parts", Verdict.ILL, f"{missing[0]} is missing", "restore log and keys of the same deployment")
    if missing:
        return Finding("parts", Verdict.WARNING, "an empty folder", "`kinelog serve` or `kinelog demo` will fill it")
    return Finding("parts", Verdict.WELL, "log and keys are there")


def check_master_key(folder: DataFolder) -> Finding:
    """The master key that is given is the one the keys were wrapped with."""
    if not (folder.keys / "keys.db").exists():
        return Finding("master key", Verdict.WELL, "none is needed yet")
    try:
        KeyStore.open(folder.keys, master_key_from()).close()
    except PrivacyError as error:
        return Finding("master key", Verdict.ILL, str(error), "bring back the key that the store was made with")
    return Finding("master key", Verdict.WELL, "opens the key store")


def check_databases(folder: DataFolder) -> Iterator[Finding]:
    """Each database is sound by SQLite's own quick check."""
    for path in (folder.log, folder.keys / "keys.db", folder.views, folder.models):
        if path.exists():
            yield _quick_check(path)


def check_models(folder: DataFolder) -> Iterator[Finding]:
    """What is served to phones can be believed, and the key that would sign the next model is trusted."""
    if not folder.models.is_file():
        return
    try:
        store = SqliteModelStore(folder.models)
    except RegistryError as error:
        yield no_answer(error)
        return
    with closing(store):
        yield from examine_models(store, folder)


def _quick_check(path: Path) -> Finding:
    name = f"database {path.parent.name}/{path.name}"
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            answer = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
        finally:
            connection.close()
    except sqlite3.Error as error:
        answer = str(error)
    if answer != "ok":
        advice = "views can be rebuilt (`kinelog project --rebuild all`); log, keys and models come from a backup"
        return Finding(name, Verdict.ILL, answer, advice)
    return Finding(name, Verdict.WELL, "sound")


def examine(folder: DataFolder) -> Iterator[Finding]:
    """All checks, in order."""
    yield check_python()
    checks: tuple[Callable[[DataFolder], Finding], ...] = (
        check_room,
        check_fsync,
        check_privacy,
        check_parts,
        check_master_key,
    )
    for check in checks:
        yield check(folder)
    yield from check_databases(folder)
    yield from check_models(folder)
