"""Each sort of damage to a log is found, with its place, and without keys."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from kinelog.journal import sqlite_writer
from kinelog.journal.commit_row import pack
from kinelog.journal.errors import CorruptError, IncompatibleStoreError, UnavailableError
from kinelog.journal.records import StoredEvent
from kinelog.journal.sqlite_file import POSITION_BITS
from kinelog.journal.sqlite_inspection import verify_file
from kinelog.journal.sqlite_journal import SqliteJournal
from kinelog.journal.verification import Report
from kinelog.service.commands.journal import command
from msgspec.structs import replace

from tests.journal.contract import commits_of, new_id
from tests.journal.stored_events import person_in, stored

SHARD = 3


def verify(log: Path, told: list[int] | None = None) -> Report:
    return verify_file(log, ([] if told is None else told).append)


def row(last: int) -> int:
    return SHARD << POSITION_BITS | last


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Five commits at 1-4, 5-8, … in shard 3, the first three of them in the index; one commit in shard 0."""
    monkeypatch.setattr(sqlite_writer, "INDEX_EVENTS", 12)
    path = tmp_path / "data" / "log" / "journal.db"
    journal = SqliteJournal(path)
    commits_of(journal, SHARD, (4,) * 5)
    commits_of(journal, 0, (2,))
    journal.close()
    return path


def change(log: Path, statement: str, *values: object) -> None:
    connection = sqlite3.connect(log)
    changed = connection.execute(statement, values).rowcount
    connection.commit()
    connection.close()
    assert changed > 0


def test_a_sound_log_has_no_findings(log: Path) -> None:
    told: list[int] = []
    report = verify(log, told)
    assert report.sound
    assert (report.commits, report.events, sum(told), report.shards) == (6, 22, 22, 16)


Damage = Callable[[Path], None]

DAMAGES: dict[str, tuple[str, int, Damage]] = {
    "a commit is gone": ("hole", 5, lambda log: change(log, "DELETE FROM commits WHERE id = ?", row(8))),
    "the last commit is gone": ("head", 16, lambda log: change(log, "DELETE FROM commits WHERE id = ?", row(20))),
    "a commit stands twice": (
        "double",
        5,
        lambda log: change(
            log,
            "INSERT INTO commits SELECT id + 1, first, epoch, commit_id, checksum, directory, body "
            "FROM commits WHERE id = ?",
            row(8),
        ),
    ),
    "a byte of a commit's checksum differs": (
        "checksum",
        5,
        lambda log: change(log, "UPDATE commits SET checksum = zeroblob(16) WHERE id = ?", row(8)),
    ),
    "the body is cut": (
        "unreadable",
        5,
        lambda log: change(log, "UPDATE commits SET body = substr(body, 1, 100) WHERE id = ?", row(8)),
    ),
    "an older epoch stands behind a newer one": (
        "epoch",
        9,
        lambda log: change(log, "UPDATE commits SET epoch = 7 WHERE id = ?", row(8)),
    ),
    "an epoch is newer than the newest": (
        "epoch",
        20,
        lambda log: change(log, "UPDATE commits SET epoch = 9 WHERE id = ?", row(20)),
    ),
    "the head is behind": ("head", 16, lambda log: change(log, "UPDATE epochs SET head = 18 WHERE shard = ?", SHARD)),
    "a commit lies behind the head": (
        "head",
        16,
        lambda log: change(log, "UPDATE epochs SET head = 16 WHERE shard = ?", SHARD),
    ),
    "the shard is gone": ("head", 0, lambda log: change(log, "DELETE FROM epochs WHERE shard = ?", SHARD)),
    "the index points elsewhere": (
        "index",
        5,
        lambda log: change(log, "UPDATE entity_runs SET start = start + 1 WHERE row = ?", row(8)),
    ),
    "the index lacks a run": ("index", 5, lambda log: change(log, "DELETE FROM entity_runs WHERE row = ?", row(8))),
    "the index holds a run of no commit": (
        "index",
        99,
        lambda log: change(
            log, "INSERT INTO entity_runs SELECT entity, 99, 1, 99, row, 1, 1, 1 FROM entity_runs LIMIT 1"
        ),
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_found_with_its_place(log: Path, name: str) -> None:
    kind, position, damage = DAMAGES[name]
    damage(log)
    found = [(one.kind, one.position) for one in verify(log).findings]
    assert (kind, position) in found


def put_last(log: Path, event: StoredEvent) -> None:
    """Put another event into the last commit, with a checksum of the commit that holds."""
    forged, _ = pack(SHARD, 16, 1, new_id(), [event])
    change(
        log,
        "UPDATE commits SET body = ?, checksum = ?, directory = ?, commit_id = ?, id = ? WHERE id = ?",
        forged.body,
        forged.checksum,
        forged.directory,
        forged.commit_id,
        row(17),
        row(20),
    )


def test_an_event_out_of_sequence_is_found_although_every_checksum_holds(log: Path) -> None:
    last = person_in(SHARD, 16).persistence_id
    put_last(log, stored(last, 77))
    assert any(one.kind == "sequence" and one.position == 17 for one in verify(log).findings)


def test_an_event_that_was_moved_from_another_place_is_found(log: Path) -> None:
    """The commit's checksum was made to fit; the event's own says where it belongs."""
    entity = person_in(SHARD, 16, 5).persistence_id
    elsewhere = person_in(SHARD, 16, 6).persistence_id
    put_last(log, replace(stored(elsewhere, 1), entity=entity))
    assert ("checksum", 17) in [(one.kind, one.position) for one in verify(log).findings]


def test_an_entity_of_another_shard_is_found(log: Path) -> None:
    foreign = person_in(SHARD + 1, 16).persistence_id
    put_last(log, stored(foreign, 1))
    assert any(one.kind == "shard" and one.position == 17 for one in verify(log).findings)


def test_reading_and_replaying_damage_fails_aloud(log: Path) -> None:
    DAMAGES["a byte of a commit's checksum differs"][2](log)
    DAMAGES["the index points elsewhere"][2](log)
    journal = SqliteJournal(log)
    with pytest.raises(CorruptError, match="positions 5-8"):
        journal.read(SHARD, 0, 100)
    assert len(journal.read(SHARD, 8, 100)) == 12
    with pytest.raises(CorruptError, match="checksum"):
        list(journal.replay(person_in(SHARD, 16).persistence_id))
    journal.close()


def test_reading_over_a_hole_fails_aloud(log: Path) -> None:
    DAMAGES["a commit is gone"][2](log)
    journal = SqliteJournal(log)
    with pytest.raises(CorruptError, match="follows position 4"):
        journal.read(SHARD, 0, 100)
    with pytest.raises(CorruptError, match="does not exist"):
        list(journal.replay(person_in(SHARD, 16).persistence_id))
    journal.close()


def test_the_log_is_verified_while_it_is_written_to(log: Path) -> None:
    journal = SqliteJournal(log)
    commits_of(journal, 5, (3, 4))
    assert verify(log).sound
    commits_of(journal, 6, (3, 4))
    assert verify(log).sound
    journal.close()


def test_pages_that_are_destroyed_are_reported(log: Path) -> None:
    content = bytearray(log.read_bytes())
    for page in range(2, len(content) // 4096):
        content[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    log.write_bytes(bytes(content))
    try:
        findings = verify(log).findings
    except IncompatibleStoreError:
        return
    assert any(one.kind == "unreadable" for one in findings)


def test_what_is_no_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError):
        verify(tmp_path / "nothing.db")
    other = tmp_path / "other.db"
    other.write_bytes(b"no database at all" * 300)
    with pytest.raises(IncompatibleStoreError):
        verify(other)
    with pytest.raises(IncompatibleStoreError):
        SqliteJournal(other)


def test_the_command_reports_for_people_and_machines(log: Path) -> None:
    data = str(log.parent.parent)
    sound = CliRunner().invoke(command, ["verify", data])
    assert CliRunner().invoke(command, ["verify", "--data", data]).output == sound.output
    assert (sound.exit_code, sound.output.splitlines()[-1]) == (0, "sound")
    DAMAGES["a commit is gone"][2](log)
    damaged = CliRunner().invoke(command, ["verify", data, "--json"])
    assert damaged.exit_code == 65
    found = json.loads(damaged.output)["findings"]
    assert {"kind": "hole", "shard": SHARD, "position": 5, "detail": "positions 5-8 are missing"} in found
    missing = CliRunner().invoke(command, ["verify", str(log.parent)])
    assert missing.exit_code == 69
    assert "there is no log" in missing.output
