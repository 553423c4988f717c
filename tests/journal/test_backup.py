"""Backups are taken while the log is written to, and a restore of them is sound and fences the lost timeline off."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from kinelog.journal.backup import back_up_keys, back_up_log, purge_keys
from kinelog.journal.backup_folder import BackupError, Manifest
from kinelog.journal.errors import FencedError
from kinelog.journal.restoration import restore
from kinelog.journal.sqlite_journal import SqliteJournal
from kinelog.privacy.erasure_list import ErasureList
from kinelog.privacy.key_store import KeyStore
from kinelog.service.commands import backup as backup_command
from kinelog.service.commands import restore as restore_command

from tests.journal.contract import commits_of, new_id
from tests.journal.stored_events import person_in, snapshot, some


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a log of two shards and two people's keys."""
    folder = tmp_path / "data"
    journal = SqliteJournal(folder / "log" / "journal.db")
    commits_of(journal, 1, (3, 4))
    commits_of(journal, 2, (5,))
    journal.save_snapshot(snapshot(person_in(1, 16).persistence_id, 2))
    journal.close()
    keys = KeyStore.open(folder / "keys")
    keys.enrol("demo", "alice")
    keys.enrol("demo", "bob")
    keys.close()
    return folder


def test_a_backup_restored_holds_the_same_log_under_another_incarnation(data: Path, tmp_path: Path) -> None:
    log = back_up_log(data / "log" / "journal.db", tmp_path / "logs", 1)
    keys = back_up_keys(data / "keys", tmp_path / "safe", 1)
    old = SqliteJournal(data / "log" / "journal.db")
    restored = restore(tmp_path / "again", log, keys, None, data / "keys" / "master.key")
    new = SqliteJournal(tmp_path / "again" / "log" / "journal.db")
    assert restored.report.sound
    assert [new.read(shard, 0, 100) for shard in range(16)] == [old.read(shard, 0, 100) for shard in range(16)]
    assert new.incarnation != old.incarnation
    assert new.incarnation == restored.report.incarnation
    assert new.snapshots(person_in(1, 16).persistence_id) == []
    store = KeyStore.open(tmp_path / "again" / "keys")
    assert store.pseudonym("demo", "bob") is not None
    for opened in (store, old, new):
        opened.close()


def test_an_owner_of_the_lost_timeline_can_neither_commit_nor_answer(data: Path, tmp_path: Path) -> None:
    log = back_up_log(data / "log" / "journal.db", tmp_path / "logs", 1)
    old = SqliteJournal(data / "log" / "journal.db")
    owner = [old.acquire(1, "lost") for _ in range(20)][-1]
    old.close()
    restore(tmp_path / "again", log, None, None)
    new = SqliteJournal(tmp_path / "again" / "log" / "journal.db")
    assert not new.owns(1, owner.epoch)
    with pytest.raises(FencedError):
        new.commit(1, owner.epoch, 7, new_id(), some(person_in(1, 16, 7).persistence_id, 1))
    fresh = new.acquire(1, "new")
    assert fresh.epoch > owner.epoch
    assert new.commit(1, fresh.epoch, fresh.head, new_id(), some(person_in(1, 16, 7).persistence_id, 1)) == 8
    new.close()


def test_a_backup_under_writing_is_a_prefix_of_the_log(data: Path, tmp_path: Path) -> None:
    path = data / "log" / "journal.db"
    journal = SqliteJournal(path)
    stop = threading.Event()
    entity = person_in(5, 16).persistence_id

    def write() -> None:
        owner = journal.acquire(5, "writer")
        head = 0
        while not stop.is_set():
            head = journal.commit(5, owner.epoch, head, new_id(), some(entity, 3, after=head))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        logs = [back_up_log(path, tmp_path / "logs", number) for number in range(3)]
    finally:
        stop.set()
        writer.join()
    whole = journal.read(5, 0, 1_000_000)
    journal.close()
    for number, log in enumerate(logs):
        restore(tmp_path / f"again{number}", log, None, None)
        copy = SqliteJournal(tmp_path / f"again{number}" / "log" / "journal.db")
        part = copy.read(5, 0, 1_000_000)
        assert part == whole[: len(part)]
        assert len(part) % 3 == 0
        copy.close()


def test_log_and_keys_are_apart_and_master_key_and_erasures_in_neither(data: Path, tmp_path: Path) -> None:
    keys = KeyStore.open(data / "keys")
    keys.forget("demo", keys.enrol("demo", "carol"))
    keys.close()
    log = back_up_log(data / "log" / "journal.db", tmp_path / "logs", 1)
    safe = back_up_keys(data / "keys", tmp_path / "safe", 1)
    assert sorted(file.name for file in log.iterdir()) == ["journal.db", "manifest.json"]
    assert sorted(file.name for file in safe.iterdir()) == ["keys.db", "manifest.json"]
    master = bytes.fromhex((data / "keys" / "master.key").read_text())
    for file in [*log.iterdir(), *safe.iterdir()]:
        assert master not in file.read_bytes()
        assert master.hex().encode() not in file.read_bytes()


def test_old_keys_and_the_newest_list_bring_nobody_back(data: Path, tmp_path: Path) -> None:
    log = back_up_log(data / "log" / "journal.db", tmp_path / "logs", 1)
    safe = back_up_keys(data / "keys", tmp_path / "safe", 1)
    keys = KeyStore.open(data / "keys")
    alice = keys.enrol("demo", "alice")
    keys.forget("demo", alice)
    keys.close()
    restored = restore(tmp_path / "again", log, safe, data / "keys" / "erasures.log", data / "keys" / "master.key")
    assert restored.erased == 1
    store = KeyStore.open(tmp_path / "again" / "keys")
    assert store.is_erased("demo", alice)
    assert store.pseudonym("demo", "alice") is None
    assert store.pseudonym("demo", "bob") is not None
    store.close()


def test_the_erased_are_purged_from_an_old_backup_of_keys(data: Path, tmp_path: Path) -> None:
    safe = back_up_keys(data / "keys", tmp_path / "safe", 1)
    keys = KeyStore.open(data / "keys")
    alice, bob = keys.enrol("demo", "alice"), keys.enrol("demo", "bob")
    keys.forget("demo", alice)
    keys.close()
    before = (safe / "keys.db").read_bytes()
    assert purge_keys(safe, data / "keys" / "erasures.log") == 1
    assert purge_keys(safe, data / "keys" / "erasures.log") == 0
    assert sorted(file.name for file in safe.iterdir()) == ["keys.db", "manifest.json"]
    assert alice.encode() in before
    assert alice.encode() not in (safe / "keys.db").read_bytes()
    log = back_up_log(data / "log" / "journal.db", tmp_path / "logs", 1)
    # Even without the list: the key is not in the backup any more.
    restore(tmp_path / "again", log, safe, None, data / "keys" / "master.key")
    store = KeyStore.open(tmp_path / "again" / "keys")
    assert store.people() == [("demo", bob)]
    store.close()


def test_a_damaged_or_foreign_backup_is_refused_and_leaves_no_folder(data: Path, tmp_path: Path) -> None:
    log = back_up_log(data / "log" / "journal.db", tmp_path / "logs", 1)
    safe = back_up_keys(data / "keys", tmp_path / "safe", 1)
    target = tmp_path / "again"
    with pytest.raises(BackupError, match="holds keys"):
        restore(target, safe, None, None)
    with pytest.raises(BackupError, match="no backup"):
        restore(target, data / "log", None, None)
    content = bytearray((log / "journal.db").read_bytes())
    content[-100] ^= 1
    (log / "journal.db").write_bytes(bytes(content))
    with pytest.raises(BackupError, match="hash differs"):
        restore(target, log, None, None)
    (log / "journal.db").unlink()
    with pytest.raises(BackupError, match="missing"):
        restore(target, log, None, None)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["data", "logs", "safe"]


def test_a_manifest_cannot_point_outside_its_folder(data: Path, tmp_path: Path) -> None:
    log = back_up_log(data / "log" / "journal.db", tmp_path / "logs", 1)
    manifest = msgspec.json.decode((log / "manifest.json").read_bytes(), type=Manifest)
    files = {"../../data/log/journal.db": manifest.files["journal.db"]}
    (log / "manifest.json").write_bytes(msgspec.json.encode(msgspec.structs.replace(manifest, files=files)))
    with pytest.raises(BackupError, match="missing"):
        restore(tmp_path / "again", log, None, None)


def test_a_log_that_was_damaged_before_its_backup_is_not_restored(data: Path, tmp_path: Path) -> None:
    journal = SqliteJournal(data / "log" / "journal.db")
    owner = journal.acquire(1, "a")
    # A sequence number that was never there: an event is missing.
    journal.commit(1, owner.epoch, owner.head, new_id(), some(person_in(1, 16, 9).persistence_id, 1, after=5))
    journal.close()
    log = back_up_log(data / "log" / "journal.db", tmp_path / "logs", 1)
    with pytest.raises(BackupError, match="position 8"):
        restore(tmp_path / "again", log, None, None)
    assert not (tmp_path / "again").exists()


def test_nothing_that_is_there_is_overwritten(data: Path, tmp_path: Path) -> None:
    log = back_up_log(data / "log" / "journal.db", tmp_path / "logs", 1)
    with pytest.raises(BackupError, match="not empty"):
        back_up_log(data / "log" / "journal.db", tmp_path / "logs", 1)
    with pytest.raises(BackupError, match="not empty"):
        restore(data, log, None, None)
    (tmp_path / "empty").mkdir()
    assert restore(tmp_path / "empty", log, None, None).report.events == 12


def test_the_commands_back_up_and_restore(data: Path, tmp_path: Path) -> None:
    def run(command: str, *arguments: object) -> tuple[int, str]:
        chosen = {"backup": backup_command.command, "restore": restore_command.command}[command]
        result = CliRunner().invoke(chosen, [str(argument) for argument in arguments])
        return result.exit_code, result.output

    code, output = run("backup", "--data", data, "--to", tmp_path / "logs", "--keys-to", tmp_path / "safe", "--json")
    assert code == 0
    made = json.loads(output)
    keys = KeyStore.open(data / "keys")
    keys.forget("demo", keys.enrol("demo", "alice"))
    keys.close()
    erasures = tmp_path / "erasures.log"
    shutil.copy(data / "keys" / "erasures.log", erasures)
    again = tmp_path / "again"
    arguments = ("--log", made["log"], "--keys", made["keys"], "--to", again)
    code, output = run("restore", *arguments)
    assert code != 0
    assert "--nobody-was-erased" in output
    code, output = run("restore", *arguments, "--erasures", erasures, "--json")
    assert code == 0
    assert json.loads(output)["erased_again"] == 1
    assert ErasureList(again / "keys" / "erasures.log").people() == ErasureList(erasures).people()
    code, output = run("restore", *arguments, "--erasures", erasures)
    assert code == 73
    assert "not empty" in output
    code, output = run("backup", "--purge-erased", made["keys"], "--erasures", erasures)
    assert (code, output.split()[0]) == (0, "1")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--to"),
        (("--to", "logs"), "--without-keys"),
        (("--to", "logs", "--keys-to", "logs/keys"), "lies in --to"),
        (("--to", "logs", "--keys-to", "logs"), "lies in --to"),
    ],
)
def test_a_backup_that_would_mix_or_forget_the_keys_is_refused(
    data: Path, arguments: tuple[str, ...], said: str
) -> None:
    result = CliRunner().invoke(backup_command.command, ["--data", str(data), *arguments])
    assert result.exit_code != 0
    assert said in result.output
