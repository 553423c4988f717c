"""A file of models that a disk has damaged is read, or refused in words: never a stack trace, never another blob."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kinelog.registry.errors import IncompatibleRegistryError, RegistryError
from kinelog.registry.sqlite_model_store import SqliteModelStore
from kinelog.registry.store import ModelStore

from tests.registry.damage import flipped
from tests.registry.made_publications import KEY, SCOPE, put

PAGE = 4096
HEADERS = st.integers(0, 120)
"""Places at the start of a page, where most of what holds the file together stands."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file with something in each of its tables."""
    file = tmp_path_factory.mktemp("whole") / "models.sqlite"
    with SqliteModelStore(file) as store:
        store.add_key(KEY.public)
        for _ in range(2):
            store.set_challenger(SCOPE, b"{}", put(store, SCOPE).blob)
        store.save_population(SCOPE, b'{"members":[]}')
        store.save_run("night", b"{}")
        store.use_confirmation(SCOPE, "ab", "night")
        store.acquire_lease("fit/demo", "somebody", 5)
    return file.read_bytes()


def questions(store: ModelStore) -> Iterator[Callable[[], object]]:
    """All that a night, a service or an operator asks of a store, and writes."""
    yield from (store.blobs, store.scopes, store.publications, store.populations, store.runs, store.keys)
    yield from (store.retired_keys, store.all_confirmation_uses, lambda: store.unnamed_blobs(1 << 50))
    for ask in (
        store.champion, store.versions, store.next_version, store.previous, store.challenger, store.population,
    ):  # fmt: skip
        yield lambda ask=ask: ask(SCOPE)  # type: ignore[misc]  # bound at once
    yield from (lambda: store.run("night"), lambda: store.lease("fit/demo"))
    yield lambda: store.confirmation_uses(SCOPE, "ab")
    yield lambda: store.use_confirmation(SCOPE, "ab", "next")
    yield lambda: store.acquire_lease("fit/demo", "another", 5, take_over=True)
    yield lambda: store.save_population(SCOPE, b"{}")
    yield lambda: store.save_run("night", b"{}")
    yield lambda: store.remove_unnamed_blobs(1 << 50)


def is_seen(file: Path, damaged: bytes) -> None:
    """Ask everything of a file."""
    for left in file.parent.glob(f"{file.name}*"):
        left.unlink()
    file.write_bytes(damaged)
    with suppress(RegistryError), SqliteModelStore(file) as store:
        with suppress(RegistryError):
            for sha256 in store.blobs():
                with suppress(RegistryError):
                    assert hashlib.sha256(store.blob(sha256)).hexdigest() == sha256
        for ask in questions(store):
            with suppress(RegistryError):
                ask()


def test_damage_anywhere_is_no_crash(whole: bytes, tmp_path: Path) -> None:
    file = tmp_path / "models.sqlite"
    pages = len(whole) // PAGE

    @settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.integers(0, pages - 1), st.integers(0, PAGE - 1) | st.integers(0, 120), st.integers(1, 255), st.booleans()
    )
    def anywhere(page: int, place: int, change: int, cut: bool) -> None:  # noqa: FBT001 - drawn
        at = page * PAGE + place
        is_seen(file, whole[:at] if cut else flipped(whole, at, change))

    anywhere()


@pytest.mark.parametrize("place", range(0, 100, 3))
def test_damage_in_the_header_is_no_crash(whole: bytes, tmp_path: Path, place: int) -> None:
    is_seen(tmp_path / "models.sqlite", flipped(whole, place, 1 << place % 8))


def test_a_table_of_contents_that_is_no_text_is_called_damaged(whole: bytes, tmp_path: Path) -> None:
    file = tmp_path / "models.sqlite"
    file.write_bytes(whole.replace(b"CREATE TABLE runs", b"\xd6\xd6EATE TABLE r\xd6ns"))
    with pytest.raises(IncompatibleRegistryError, match=f"{file} is no model store, or damaged: restore it"):
        SqliteModelStore(file)


def test_a_value_that_is_missing_where_none_can_be_is_called_damage(tmp_path: Path) -> None:
    file = tmp_path / "models.sqlite"
    with SqliteModelStore(file) as store:
        store.save_run("night", b"{}")
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_schema SET sql = replace(sql, 'record BLOB NOT NULL', 'record BLOB')")
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE runs SET record = NULL")
    connection.close()
    with SqliteModelStore(file) as store, pytest.raises(IncompatibleRegistryError, match="record is missing"):
        store.run("night")
