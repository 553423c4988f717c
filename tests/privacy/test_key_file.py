"""Keys in a file: the contract, and what only a file can do wrong."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from kinelog.privacy import key_file
from kinelog.privacy.erasure_list import ErasureList
from kinelog.privacy.errors import (
    DamagedErasuresError,
    ErasedPersonError,
    ErasureIncompleteError,
    IncompatibleKeyStoreError,
    MissingMasterKeyError,
    TamperedError,
    WrongMasterKeyError,
)
from kinelog.privacy.key_store import KeyStore, apply_erasures


def stored_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.glob("keys.db*")))


def row_of(folder: Path, pseudonym: str) -> tuple[bytes, bytes, bytes]:
    connection = sqlite3.connect(folder / "keys.db")
    row: tuple[bytes, bytes, bytes] = connection.execute(
        "SELECT wrapped, name_tag, sealed_name FROM people WHERE pseudonym = ?", (pseudonym,)
    ).fetchone()
    connection.close()
    return row


def test_neither_names_nor_keys_are_in_the_file_in_the_clear(folder: Path, keys: KeyStore) -> None:
    keys.enrol("demo", "alice.appleseed@example.org")
    assert b"alice.appleseed" not in stored_bytes(folder)


def test_secrets_are_readable_by_the_owner_only(folder: Path, keys: KeyStore) -> None:
    keys.enrol("demo", "alice")
    for name in ("master.key", "keys.db"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_master_key_from_outside_is_never_written(folder: Path) -> None:
    key = os.urandom(32)
    KeyStore.open(folder, key).close()
    assert not (folder / "master.key").exists()
    KeyStore.open(folder, key).close()


def test_a_lost_master_key_is_not_replaced_by_a_new_one(folder: Path, keys: KeyStore) -> None:
    keys.close()
    (folder / "master.key").unlink()
    with pytest.raises(MissingMasterKeyError, match="KINELOG_MASTER_KEY"):
        KeyStore.open(folder)
    (folder / "master.key").write_text("not a key")
    with pytest.raises(WrongMasterKeyError):
        KeyStore.open(folder)


def test_a_file_that_is_no_key_store_is_refused(folder: Path) -> None:
    folder.mkdir()
    (folder / "keys.db").write_bytes(b"something else entirely" * 100)
    with pytest.raises(IncompatibleKeyStoreError):
        KeyStore.open(folder, bytes(32))
    (folder / "keys.db").unlink()
    KeyStore.open(folder, bytes(32)).close()
    connection = sqlite3.connect(folder / "keys.db")
    connection.execute("UPDATE meta SET value = X'39' WHERE key = 'layout'")
    connection.commit()
    connection.close()
    with pytest.raises(IncompatibleKeyStoreError, match="layout"):
        KeyStore.open(folder, bytes(32))


def test_a_wrapped_key_that_was_moved_to_another_person_does_not_unwrap(folder: Path, keys: KeyStore) -> None:
    alice, bob = keys.enrol("demo", "alice"), keys.enrol("demo", "bob")
    connection = sqlite3.connect(folder / "keys.db")
    connection.execute(
        "UPDATE people SET (key_id, wrapped) = (SELECT key_id, wrapped FROM people WHERE pseudonym = ?) "
        "WHERE pseudonym = ?",
        (alice, bob),
    )
    connection.commit()
    connection.close()
    with pytest.raises(TamperedError):
        keys.sealer("demo", bob)


def test_enrolling_one_name_in_many_processes_gives_one_pseudonym(folder: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from kinelog.privacy.key_store import KeyStore\n"
        "sys.stdin.readline(); store = KeyStore.open(Path(sys.argv[1]))\n"
        "print(*(store.enrol('demo', f'user{n}') for n in range(20)))"
    )
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        for _ in range(4)
    ]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()
    answers = [racer.communicate(timeout=60)[0].split() for racer in racers]
    assert all(len(answer) == 20 for answer in answers)
    assert all(answer == answers[0] for answer in answers)


def test_forgetting_leaves_no_byte_of_key_or_name(folder: Path, keys: KeyStore) -> None:
    # Many people, enrolled in random key order, so that pages of the file split and leave copies of moved rows.
    people = [keys.enrol("demo", f"person number {index} of the long list") for index in range(400)]
    traces = {person: row_of(folder, person) for person in people}
    for person in people[::40]:
        assert traces[person][0] in stored_bytes(folder)
        keys.forget("demo", person)
        left = stored_bytes(folder)
        assert not any(trace in left for trace in traces[person])
        assert (folder / "keys.db-wal").stat().st_size < 100_000
    gone = set(people[::40])
    assert all((keys.name("demo", person) is None) == (person in gone) for person in people)


def test_after_forgetting_another_program_may_open_and_close_the_file(folder: Path, keys: KeyStore) -> None:
    """Closing a descriptor drops a process's locks; who comes next would then remove the log that is in use."""
    keys.forget("demo", keys.enrol("demo", "alice"))
    before = keys.enrol("demo", "bert")
    script = (
        "import sqlite3, sys; other = sqlite3.connect(sys.argv[1]);"
        "print(other.execute('SELECT count(*) FROM people').fetchone()[0]); other.close()"
    )
    subprocess.run([sys.executable, "-c", script, str(folder / "keys.db")], check=True, capture_output=True)
    after = keys.enrol("demo", "cleo")
    assert (folder / "keys.db-wal").stat().st_size > 0
    keys.close()
    again = KeyStore.open(folder)
    assert (again.pseudonym("demo", "bert"), again.pseudonym("demo", "cleo")) == (before, after)
    again.close()


def test_a_delete_alone_would_leave_bytes_in_the_write_ahead_log(folder: Path, keys: KeyStore) -> None:
    """The reason for scrubbing: this test fails if SQLite ever makes it unnecessary."""
    alice = keys.enrol("demo", "alice")
    wrapped = row_of(folder, alice)[0]
    connection = key_file.connect(folder / "keys.db")
    key_file._delete(connection, [("demo", alice)])
    connection.close()
    assert wrapped in stored_bytes(folder)


def test_copies_that_an_ordinary_delete_left_in_free_pages_are_scrubbed_too(folder: Path, keys: KeyStore) -> None:
    alice = keys.enrol("demo", "alice")
    traces = row_of(folder, alice)
    careless = sqlite3.connect(folder / "keys.db", isolation_level=None)
    careless.execute("PRAGMA secure_delete = OFF")
    careless.execute("CREATE TABLE elsewhere AS SELECT * FROM people")
    careless.execute("DROP TABLE elsewhere")
    careless.close()
    keys.forget("demo", alice)
    assert not any(trace in stored_bytes(folder) for trace in traces)


def test_the_erased_are_refused_here_and_in_other_processes_that_saw_it(folder: Path, keys: KeyStore) -> None:
    alice = keys.enrol("demo", "alice")
    elsewhere = KeyStore.open(folder)
    sealed = keys.sealer("demo", alice).seal(b"x", b"")
    assert elsewhere.sealer("demo", alice).open(sealed, b"") == b"x"
    keys.forget("demo", alice)
    keys.forget("demo", alice)
    with pytest.raises(ErasedPersonError):
        keys.sealer("demo", alice)
    assert elsewhere.is_erased("demo", alice)
    assert elsewhere.pseudonym("demo", "alice") is None
    elsewhere.evict("demo", alice)
    with pytest.raises(ErasedPersonError):
        elsewhere.sealer("demo", alice)
    elsewhere.close()


def test_an_erasure_that_was_written_down_is_finished_at_the_next_open(folder: Path, keys: KeyStore) -> None:
    alice = keys.enrol("demo", "alice")
    traces = row_of(folder, alice)
    keys.close()
    # The process died right after the line was durable.
    ErasureList(folder / "erasures.log").append(("demo", alice), 1)
    again = KeyStore.open(folder)
    assert not any(trace in stored_bytes(folder) for trace in traces)
    assert again.pseudonym("demo", "alice") is None
    with pytest.raises(ErasedPersonError):
        again.sealer("demo", alice)
    again.close()


def test_an_erasure_that_died_before_scrubbing_is_finished_at_the_next_open(folder: Path, keys: KeyStore) -> None:
    alice = keys.enrol("demo", "alice")
    traces = row_of(folder, alice)
    ErasureList(folder / "erasures.log").append(("demo", alice), 1)
    connection = sqlite3.connect(folder / "keys.db", isolation_level=None)
    connection.execute("PRAGMA secure_delete = OFF")  # so that the rows' bytes outlive the delete in the main file
    key_file._delete(connection, [("demo", alice)])
    connection.close()
    keys.close()
    assert any(trace in stored_bytes(folder) for trace in traces)
    KeyStore.open(folder).close()
    left = stored_bytes(folder)
    assert not any(trace in left for trace in traces)


def test_a_reader_of_old_pages_makes_forgetting_fail_aloud_and_again_finishes_it(
    folder: Path, keys: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_file, "SCRUB_SECONDS", 0.0)
    monkeypatch.setattr(key_file, "_BUSY_MS", 10)
    alice = keys.enrol("demo", "alice")
    traces = row_of(folder, alice)
    reader = sqlite3.connect(folder / "keys.db", isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM people").fetchone() == (1,)
    with pytest.raises(ErasureIncompleteError, match="reader"):
        keys.forget("demo", alice)
    with pytest.raises(ErasedPersonError):
        keys.sealer("demo", alice)
    reader.execute("COMMIT")
    reader.close()
    keys.forget("demo", alice)
    assert not any(trace in stored_bytes(folder) for trace in traces)


def test_old_keys_with_the_list_of_erasures_bring_nobody_back(tmp_path: Path, folder: Path, keys: KeyStore) -> None:
    alice, bob = keys.enrol("demo", "alice"), keys.enrol("demo", "bob")
    sealed = keys.sealer("demo", bob).seal(b"x", b"")
    old = tmp_path / "old"
    old.mkdir()
    source = sqlite3.connect(folder / "keys.db")
    source.execute("VACUUM INTO ?", (str(old / "keys.db"),))
    source.close()
    keys.forget("demo", alice)
    assert apply_erasures(old, ErasureList(folder / "erasures.log")) == 1
    (old / "master.key").write_bytes((folder / "master.key").read_bytes())
    restored = KeyStore.open(old)
    assert restored.pseudonym("demo", "alice") is None
    assert restored.people() == [("demo", bob)]
    assert restored.sealer("demo", bob).open(sealed, b"") == b"x"
    restored.close()


def test_the_list_of_erasures_survives_a_torn_last_line(tmp_path: Path) -> None:
    path = tmp_path / "erasures.log"
    erasures = ErasureList(path)
    erasures.append(("demo", "a" * 32), 1)
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole + whole.replace(b"a", b"b")[:cut])
        again = ErasureList(path)
        assert again.people() == {("demo", "a" * 32)}
        again.append(("demo", "c" * 32), 2)
        assert ErasureList(path).people() == {("demo", "a" * 32), ("demo", "c" * 32)}


def test_a_damaged_list_of_erasures_is_not_skipped(tmp_path: Path) -> None:
    path = tmp_path / "erasures.log"
    path.write_bytes(b"demo " + b"a" * 32 + b" 1\nrubbish\ndemo " + b"b" * 32 + b" 2\n")
    with pytest.raises(DamagedErasuresError, match="rubbish"):
        ErasureList(path)


def test_the_list_of_erasures_names_pseudonyms_only(keys: KeyStore, folder: Path) -> None:
    alice = keys.enrol("demo", "alice")
    keys.forget("demo", alice)
    text = (folder / "erasures.log").read_text()
    assert text.startswith(f"demo {alice} ")
    assert "alice" not in text
    with pytest.raises(ValueError, match="pseudonym"):
        keys.forget("demo", "alice")
