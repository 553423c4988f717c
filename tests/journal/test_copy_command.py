"""`kinelog journal copy` between data folders: what it says, what it refuses, and what it leaves when it is killed."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from kinelog.journal.sqlite_copy_marks import SqliteCopyMarks
from kinelog.journal.sqlite_inspection import verify_file
from kinelog.journal.sqlite_journal import SqliteJournal
from kinelog.privacy.key_store import KeyStore
from kinelog.service.commands.journal import command
from kinelog.service.configuration import DataFolder, Settings
from kinelog.service.errors import UnavailableServiceError
from kinelog.service.folder_lock import FolderLock
from kinelog.service.opened_data import open_data
from msgspec.structs import replace

from tests.journal.contract import new_id
from tests.journal.copied_logs import KILLING, compared, heads, log_of, make_data
from tests.journal.stored_events import person_in, some


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return make_data(tmp_path / "data", 60)


def copy(source: Path, destination: Path, *options: str) -> Result:
    return CliRunner().invoke(
        command, ["copy", "--from", f"sqlite:{source}", "--to", f"sqlite:{destination}", *options]
    )


def test_a_folder_is_copied_compared_and_may_then_be_served(data: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy"
    done = copy(data, target)
    assert done.exit_code == 0, done.output
    assert "complete: the destination may be served" in done.output
    assert not (target / "keys" / "master.key").exists()
    shutil.copy(data / "keys" / "master.key", target / "keys")
    with open_data(DataFolder(data), Settings()) as one, open_data(DataFolder(target), Settings()) as other:
        assert log_of(other.journal) == log_of(one.journal)
        assert other.keys.people() == one.keys.people()
        assert other.keys.pseudonym("demo", "ada") == one.keys.pseudonym("demo", "ada")
        assert other.journal.incarnation != one.journal.incarnation
    assert verify_file(target / "log" / "journal.db", lambda _events: None).sound


def test_another_number_of_shards_and_back_gives_the_same_chains(data: Path, tmp_path: Path) -> None:
    chains = set()
    for source, target, shards in ((data, "seven", "7"), (tmp_path / "seven", "four", "4")):
        done = copy(source, tmp_path / target, "--shards", shards, "--json")
        assert done.exit_code == 0, done.output
        *steps, result = map(json.loads, done.output.splitlines())
        assert (result["complete"], result["shards"], result["people"]) == (True, int(shards), 2)
        assert [step["step"] for step in steps] == ["copying", "comparing"]
        assert all(step["done"] == step["total"] for step in steps)
        chains.add(result["chains"])
        # The key of another folder is not copied along: whoever has it puts it there.
        shutil.copy(data / "keys" / "master.key", tmp_path / target / "keys")
    assert len(chains) == 1


def test_while_a_service_has_the_source_only_part_of_it_is_copied_and_nothing_is_served(
    data: Path, tmp_path: Path
) -> None:
    target = tmp_path / "copy"
    with FolderLock(DataFolder(data).lock):
        refused = copy(data, target)
        assert (refused.exit_code, "--while-running" in refused.output) == (75, True)
        part = copy(data, target, "--while-running")
        assert part.exit_code == 0, part.output
        assert "not complete" in part.output
    shutil.copy(data / "keys" / "master.key", target / "keys")
    with pytest.raises(UnavailableServiceError, match="unfinished copy"):
        open_data(DataFolder(target), Settings())
    journal = SqliteJournal(data / "log" / "journal.db")
    owner = journal.acquire(0, "service")
    journal.commit(0, owner.epoch, owner.head, new_id(), some(person_in(0, 4, 50).persistence_id, 3))
    journal.close()
    rest = copy(data, target)
    assert rest.exit_code == 0, rest.output
    open_data(DataFolder(target), Settings()).close()


def test_who_was_erased_between_two_copies_is_erased_in_the_copy(data: Path, tmp_path: Path) -> None:
    copy(data, tmp_path / "copy", "--while-running")
    keys = KeyStore.open(data / "keys")
    keys.forget("demo", keys.enrol("demo", "ada"))
    keys.close()
    done = copy(data, tmp_path / "copy", "--json")
    assert json.loads(done.output.splitlines()[-1])["erased"] == 1
    shutil.copy(data / "keys" / "master.key", tmp_path / "copy" / "keys")
    copied = KeyStore.open(tmp_path / "copy" / "keys")
    assert copied.pseudonym("demo", "ada") is None
    assert copied.pseudonym("demo", "ben") is not None
    copied.close()


class TestRefused:
    def test_a_folder_that_is_in_use_as_a_destination(self, data: Path, tmp_path: Path) -> None:
        other = make_data(tmp_path / "other", 3)
        shutil.copy(data / "keys" / "master.key", other / "keys")
        with FolderLock(DataFolder(other).lock):
            done = copy(data, other)
        assert done.exit_code == 75

    def test_a_folder_with_another_master_key(self, data: Path, tmp_path: Path) -> None:
        done = copy(data, make_data(tmp_path / "other", 0))
        assert (done.exit_code, "other master key" in done.output or "another master key" in done.output) == (64, True)

    def test_a_wrong_master_key_before_it_takes_the_destination(
        self, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("KINELOG_MASTER_KEY", "ab" * 32)
        assert copy(data, tmp_path / "copy").exit_code == 64
        monkeypatch.setenv("KINELOG_MASTER_KEY", (data / "keys" / "master.key").read_text())
        assert copy(data, tmp_path / "copy").exit_code == 0

    def test_a_folder_with_a_log_of_its_own(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("KINELOG_MASTER_KEY", "ab" * 32)
        one, other = make_data(tmp_path / "one", 5), make_data(tmp_path / "two", 5)
        for folder in (one, other):
            shutil.rmtree(folder / "keys")
            KeyStore.open(folder / "keys", bytes.fromhex("ab" * 32)).close()
        done = copy(one, other)
        assert (done.exit_code, "is no copy" in done.output) == (73, True)

    def test_another_number_of_shards_than_the_unfinished_copy_has(self, data: Path, tmp_path: Path) -> None:
        copy(data, tmp_path / "copy", "--while-running", "--shards", "6")
        done = copy(data, tmp_path / "copy", "--shards", "8")
        assert (done.exit_code, "6 shards, not 8" in done.output) == (73, True)
        assert copy(data, tmp_path / "copy").exit_code == 0

    @pytest.mark.parametrize("address", ["data", "sqlite:", "cassandra://", "cassandra://host/Large", "postgres://h/x"])
    def test_what_is_no_store(self, data: Path, address: str) -> None:
        done = CliRunner().invoke(command, ["copy", "--from", f"sqlite:{data}", "--to", address])
        assert (done.exit_code, "is no store" in done.output) == (64, True)

    def test_a_source_that_is_not_there(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("KINELOG_MASTER_KEY", "ab" * 32)
        done = copy(tmp_path / "nothing", tmp_path / "copy")
        assert (done.exit_code, "no log and keys" in done.output) == (69, True)
        assert not (tmp_path / "nothing").exists()
        monkeypatch.delenv("KINELOG_MASTER_KEY")
        assert "KINELOG_MASTER_KEY" in copy(tmp_path / "nothing", tmp_path / "copy").output


def test_a_difference_is_named_and_the_copy_is_not_complete(data: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy"
    copy(data, target, "--while-running")
    journal = SqliteJournal(target / "log" / "journal.db")
    owner = journal.acquire(0, "somebody")
    entity = journal.read(0, 0, 1)[0].event.entity
    journal.commit(0, owner.epoch, owner.head, new_id(), some(entity, 1, after=len(list(journal.replay(entity)))))
    journal.close()
    marks = SqliteCopyMarks(target / "log" / "journal.db")
    known = marks.read()
    assert known is not None
    assert known.ended is not None
    marks.replace(known, replace(known, ended=(known.ended[0] + 1, *known.ended[1:])))
    done = copy(data, target)
    assert done.exit_code == 65
    assert f"{entity} has" in done.output
    mark = marks.read()
    assert mark is not None
    assert not mark.complete


@pytest.mark.parametrize("shards", ["4", "6"])
def test_killed_at_random_moments_it_ends_in_the_same_log(tmp_path: Path, shards: str) -> None:
    data, target = make_data(tmp_path / "data", 300), tmp_path / "copy"
    arguments = ["copy", "--from", f"sqlite:{data}", "--to", f"sqlite:{target}", "--shards", shards]
    moments = random.Random(int(shards))
    codes = []
    for kill in range(6):
        after = (str(moments.randrange(1, 15)), str(moments.random() * 0.003)) if kill < 5 else ("-1", "0")
        codes.append(
            subprocess.run([sys.executable, "-c", KILLING, "sqlite", *after, *arguments], check=False).returncode
        )
    assert codes == [-signal.SIGKILL] * 5 + [0]
    source = SqliteJournal(data / "log" / "journal.db")
    destination = SqliteJournal(target / "log" / "journal.db")
    found = compared(source, destination)
    total = sum(heads(source))
    assert (found.differing, found.events, sum(heads(destination))) == (0, total, total)
    if shards == "4":
        assert log_of(destination) == log_of(source)
    source.close()
    destination.close()
    assert verify_file(target / "log" / "journal.db", lambda _events: None).sound
