"""The model store in a file keeps the contract, and what only a file can break."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from kinelog.registry.errors import DamagedBlobError, IncompatibleRegistryError, RegistryUnavailableError
from kinelog.registry.manifest import manifest_bytes
from kinelog.registry.publishing import manifest_of
from kinelog.registry.records import Published
from kinelog.registry.scope import Scope
from kinelog.registry.sqlite_model_store import SqliteModelStore
from typing_extensions import override

from tests.registry.made_publications import CREATED, KEY, SCOPE, Clock, blob_of, draft, put
from tests.registry.model_store_contract import ModelStoreContract, OpenStore
from tests.registry.publishing_process import Work, publish_all


class TestModelStoreInAFile(ModelStoreContract):
    @pytest.fixture
    @override
    def open_store(self, clock: Clock, tmp_path: Path) -> Iterator[OpenStore]:
        opened: list[SqliteModelStore] = []

        def open_it() -> SqliteModelStore:
            opened.append(SqliteModelStore(tmp_path / "models" / "registry.sqlite", clock_ms=clock))
            return opened[-1]

        yield open_it
        for store in opened:
            store.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "models" / "registry.sqlite"


def test_nobody_else_may_read_the_file_or_its_folder(file: Path) -> None:
    SqliteModelStore(file).close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_commit_waits_for_the_disk(file: Path) -> None:
    with SqliteModelStore(file) as store:
        assert store._connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert store._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_blob_that_was_changed_in_the_file_is_not_served_and_can_be_put_again(file: Path) -> None:
    with SqliteModelStore(file) as store:
        sha256 = store.put_blob(blob_of())
        broken = bytearray(blob_of())
        broken[1000] ^= 1
        store._connection.execute("UPDATE blobs SET data = ?", (bytes(broken),))
        with pytest.raises(DamagedBlobError, match=sha256):
            store.blob(sha256)
        store.put_blob(blob_of())
        assert store.blob(sha256) == blob_of()


def test_a_file_of_another_layout_is_refused_with_what_to_do(file: Path) -> None:
    SqliteModelStore(file).close()
    connection = sqlite3.connect(file)
    connection.execute("UPDATE meta SET value = '2' WHERE key = 'model_store_layout'")
    connection.commit()
    connection.close()
    with pytest.raises(IncompatibleRegistryError, match="layout 2, this version reads 1"):
        SqliteModelStore(file)


@pytest.mark.parametrize("content", [b"no database at all, but long enough to be read as one" * 20, None])
def test_another_file_is_not_taken_for_a_model_store(file: Path, content: bytes | None) -> None:
    file.parent.mkdir()
    if content is None:
        connection = sqlite3.connect(file)
        connection.execute("CREATE TABLE meta (key TEXT, value TEXT)")
        connection.close()
    else:
        file.write_bytes(content)
    before = file.read_bytes()
    with pytest.raises(IncompatibleRegistryError, match="no model store"):
        SqliteModelStore(file)
    if content is not None:
        assert file.read_bytes() == before


def test_a_folder_that_cannot_be_made_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file")
    with pytest.raises(RegistryUnavailableError, match="models"):
        SqliteModelStore(tmp_path / "models" / "registry.sqlite")


def test_a_publication_that_fails_half_way_leaves_nothing(file: Path) -> None:
    with SqliteModelStore(file) as store:
        store._connection.execute(
            "CREATE TEMP TRIGGER no_room AFTER INSERT ON publications BEGIN SELECT RAISE(ABORT, 'no room'); END"
        )
        with pytest.raises(RegistryUnavailableError, match="no room"):
            put(store)
        store._connection.execute("DROP TRIGGER no_room")
        assert store.champion(SCOPE) is None
        assert put(store).number == 1


def _versions(scope: Scope, count: int) -> list[Work]:
    work: list[Work] = []
    for expected in range(count):
        blob = blob_of(expected % 3)
        said = manifest_of(draft(), scope, blob, None, CREATED)
        manifest = manifest_bytes(msgspec.structs.replace(said, version=expected + 1, previous=expected or None))
        work.append((scope, manifest, KEY.sign(manifest), blob, expected or None))
    return work


def test_several_processes_write_while_another_reads(file: Path) -> None:
    context = multiprocessing.get_context("spawn")
    scopes = [Scope("demo", f"cluster-{number}", ("left-wrist",)) for number in range(2)]
    writers = [context.Process(target=publish_all, args=(file, _versions(scope, 10))) for scope in scopes]
    with SqliteModelStore(file) as reader:
        for writer in writers:
            writer.start()
        seen: list[Published] = []
        while len(seen) < 20:
            assert all(not writer.exitcode for writer in writers)
            behind = reader.publications(after=len(seen))
            seen += behind
            assert [reader.blob(each.blob) for each in behind] == [blob_of((each.version - 1) % 3) for each in behind]
            if not behind:
                multiprocessing.connection.wait([writer.sentinel for writer in writers], timeout=0.01)
        for writer in writers:
            writer.join()
        assert [each.number for each in seen] == list(range(1, 21))
        assert [reader.champion(scope) == reader.version(scope, 10) for scope in scopes] == [True, True]
