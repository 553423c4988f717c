"""What is stored is sealed, and who was erased is unreadable: in every file left, with every key left."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec
import pytest
from kinelog.domain import events
from kinelog.domain.events import Event
from kinelog.domain.identifiers import Person, shard_of
from kinelog.journal import sqlite_writer
from kinelog.journal.backup import back_up_keys, back_up_log
from kinelog.journal.errors import CorruptError, UnknownEventError
from kinelog.journal.event_codec import EventCodec, associated_data
from kinelog.journal.records import Snapshot, StoredEvent
from kinelog.journal.restoration import restore
from kinelog.journal.sqlite_inspection import verify_file
from kinelog.journal.sqlite_journal import SqliteJournal
from kinelog.privacy.errors import ErasedPersonError, TamperedError, UnknownPersonError
from kinelog.privacy.key_store import KeyStore

from tests.journal.contract import new_id

MARKER = "xylophone-practice"
SESSION = "11111111-1111-4111-8111-111111111111"


class Gym:
    """A data folder with two people who left words in events and snapshots."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.keys = KeyStore.open(data / "keys")
        self.codec = EventCodec(self.keys)
        self.journal = SqliteJournal(data / "log" / "journal.db")
        self.alice = Person("demo", self.keys.enrol("demo", "alice appleseed"))
        self.bob = Person("demo", self.keys.enrol("demo", "bob the builder"))
        for person in (self.alice, self.bob):
            self.tell(person)

    def tell(self, person: Person) -> None:
        """Commit events and snapshots that hold the marker."""
        shard = shard_of(person, 16)
        own, session = person.persistence_id, person.session(SESSION)
        said: list[tuple[str, Event]] = [
            (own, events.UserRegistered(at_ms=1)),
            (own, events.FeedbackGiven(at_ms=2, session=None, subject="plan", rating=5, text=MARKER)),
            (session, events.SessionStarted(at_ms=3, started_at_ms=3, plan=MARKER)),
        ]
        sequences: dict[str, int] = {}
        sealed = []
        for entity, event in said:
            sequences[entity] = sequences.get(entity, 0) + 1
            sealed.append(self.codec.seal(entity, sequences[entity], event))
        owner = self.journal.acquire(shard, "test")
        self.journal.commit(shard, owner.epoch, owner.head, new_id(), sealed)
        for entity in (own, session):
            payload = self.keys.sealer(*person).seal(MARKER.encode(), entity.encode())
            self.journal.save_snapshot(Snapshot(entity, 1, 1, 4, payload))

    def close(self) -> None:
        self.journal.close()
        self.keys.close()


@pytest.fixture
def gym(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gym:
    monkeypatch.setattr(sqlite_writer, "INDEX_EVENTS", 2)
    return Gym(tmp_path / "data")


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def sealed_things(folder: Path) -> list[StoredEvent | Snapshot]:
    """Every sealed event and snapshot in every log, snapshot file and backup below a folder."""
    found: list[StoredEvent | Snapshot] = []
    for path in files_below(folder):
        if not path.read_bytes().startswith(b"SQLite format 3"):
            continue
        connection = sqlite3.connect(path)
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "commits" in tables:
            for (body,) in connection.execute("SELECT body FROM commits"):
                found += msgspec.msgpack.decode(body, type=list[StoredEvent])
        if "snapshots" in tables:
            for (content,) in connection.execute("SELECT content FROM snapshots"):
                found.append(msgspec.msgpack.decode(content, type=Snapshot))
        connection.close()
    return found


def opens_with_any_key(thing: StoredEvent | Snapshot, stores: list[KeyStore]) -> bool:
    """Whether any key of any store opens it, under its own key id or another's."""
    if isinstance(thing, StoredEvent):
        associated = associated_data(thing.entity, thing.sequence, thing.type, thing.schema)
    else:
        associated = thing.entity.encode()
    for store in stores:
        for person in store.people():
            sealer = store.sealer(*person)
            try:
                sealer.open(msgspec.structs.replace(thing.payload, key_id=sealer.key_id), associated)
            except TamperedError:
                continue
            return True
    return False


def test_nothing_stored_is_readable_without_a_key(gym: Gym) -> None:
    gym.close()
    for path in files_below(gym.data):
        content = path.read_bytes()
        for plain in (MARKER, "alice", "bob the"):
            assert plain.encode() not in content, path


def test_after_an_erasure_nothing_of_the_person_opens_anywhere(gym: Gym, tmp_path: Path) -> None:
    back_up_log(gym.journal.path, tmp_path / "backups", 1)
    connection = sqlite3.connect(gym.data / "keys" / "keys.db")
    traces = connection.execute(
        "SELECT wrapped, name_tag, sealed_name FROM people WHERE pseudonym = ?", (gym.alice.pseudonym,)
    ).fetchone()
    connection.close()
    before = sealed_things(tmp_path)
    assert all(opens_with_any_key(thing, [gym.keys]) for thing in before)

    gym.journal.discard_snapshots(gym.alice.persistence_id)
    gym.keys.forget(*gym.alice)

    left = sealed_things(tmp_path)
    of_alice = [thing for thing in left if thing.entity.startswith(gym.alice.persistence_id)]
    of_bob = [thing for thing in left if thing.entity.startswith(gym.bob.persistence_id)]
    assert len(of_alice) == 6  # her three events, in the log and in its backup; no snapshot
    assert not any(isinstance(thing, Snapshot) for thing in of_alice)
    assert not any(opens_with_any_key(thing, [gym.keys]) for thing in of_alice)
    assert len(of_bob) == 8
    assert all(opens_with_any_key(thing, [gym.keys]) for thing in of_bob)
    for path in files_below(tmp_path):
        content = path.read_bytes()
        assert not any(trace in content for trace in traces), path
    gym.close()


def test_the_log_of_the_erased_is_still_verified_and_read_in_order(gym: Gym) -> None:
    gym.keys.forget(*gym.alice)
    shard = shard_of(gym.alice, 16)
    assert verify_file(gym.journal.path, lambda _events: None).sound
    stored = [item.event for item in gym.journal.read(shard, 0, 100)]
    mine = [event for event in stored if event.entity.startswith(gym.alice.persistence_id)]
    assert [event.sequence for event in mine] == [1, 2, 1]
    for event in mine:
        with pytest.raises(ErasedPersonError):
            gym.codec.open(event)
    gym.close()


def test_an_old_backup_of_log_and_keys_brings_nobody_back(gym: Gym, tmp_path: Path) -> None:
    log = back_up_log(gym.journal.path, tmp_path / "logs", 1)
    safe = back_up_keys(gym.data / "keys", tmp_path / "safe", 1)
    gym.keys.forget(*gym.alice)
    gym.close()
    again = tmp_path / "again"
    restore(again, log, safe, gym.data / "keys" / "erasures.log", gym.data / "keys" / "master.key")
    keys = KeyStore.open(again / "keys")
    things = sealed_things(again)
    of_alice = [thing for thing in things if thing.entity.startswith(gym.alice.persistence_id)]
    assert len(of_alice) == 3
    assert not any(opens_with_any_key(thing, [keys]) for thing in of_alice)
    assert [opens_with_any_key(thing, [keys]) for thing in things].count(True) == 3
    with pytest.raises(ErasedPersonError):
        keys.sealer(*gym.alice)
    assert keys.pseudonym("demo", "alice appleseed") is None
    keys.close()


def test_every_event_in_a_backup_of_the_log_has_its_key_in_the_backup_of_keys_taken_after(
    gym: Gym, tmp_path: Path
) -> None:
    log = back_up_log(gym.journal.path, tmp_path / "logs", 1)
    carol = Person("demo", gym.keys.enrol("demo", "carol"))
    gym.tell(carol)
    safe = back_up_keys(gym.data / "keys", tmp_path / "safe", 1)
    restore(tmp_path / "again", log, safe, None, gym.data / "keys" / "master.key")
    keys = KeyStore.open(tmp_path / "again" / "keys")
    codec = EventCodec(keys)
    journal = SqliteJournal(tmp_path / "again" / "log" / "journal.db")
    opened = [codec.open(item.event) for shard in range(16) for item in journal.read(shard, 0, 100)]
    assert len(opened) == 6
    journal.close()
    keys.close()
    gym.close()


def test_a_backup_of_the_log_without_keys_opens_for_nobody(gym: Gym, tmp_path: Path) -> None:
    log = back_up_log(gym.journal.path, tmp_path / "logs", 1)
    restore(tmp_path / "again", log, None, None)
    strangers = KeyStore.open(tmp_path / "again" / "keys")
    with pytest.raises(UnknownPersonError):
        strangers.sealer(*gym.alice)
    strangers.close()
    gym.close()


def test_the_event_that_tells_of_the_erasure_opens_without_a_key_and_says_nothing(gym: Gym) -> None:
    shard = shard_of(gym.alice, 16)
    owner = gym.journal.acquire(shard, "test")
    erased = gym.codec.seal(gym.alice.persistence_id, 3, events.UserErased(at_ms=9, by="operator"))
    gym.journal.commit(shard, owner.epoch, owner.head, new_id(), [erased])
    gym.keys.forget(*gym.alice)
    last = next(gym.journal.replay(gym.alice.persistence_id, 2)).event
    assert gym.codec.open(last) == events.UserErased(at_ms=9, by="operator")
    gym.close()


def test_an_unsealed_payload_in_place_of_a_sealed_one_is_refused(gym: Gym) -> None:
    erased = gym.codec.seal(gym.alice.persistence_id, 3, events.UserErased(at_ms=9))
    with pytest.raises(CorruptError, match="unsealed"):
        gym.codec.open(msgspec.structs.replace(erased, type="UserRegistered"))
    gym.close()


def test_an_event_that_was_moved_or_changed_does_not_open(gym: Gym) -> None:
    stored = next(gym.journal.replay(gym.alice.persistence_id)).event
    for changed in (
        msgspec.structs.replace(stored, sequence=2),
        msgspec.structs.replace(stored, entity=gym.alice.session(SESSION)),
        msgspec.structs.replace(stored, type="SessionClosed"),
    ):
        with pytest.raises(CorruptError) as alone:
            gym.codec.open(changed)
        opening = gym.codec.opening()
        opening.open(stored)
        with pytest.raises(CorruptError) as in_a_row:
            opening.open(changed)
        assert str(in_a_row.value) == str(alone.value)
    gym.close()


def test_many_events_opened_in_a_row_are_those_opened_one_by_one(gym: Gym) -> None:
    opening = gym.codec.opening()
    stored = [item.event for shard in range(16) for item in gym.journal.read(shard, 0, 100)]
    erased = gym.codec.seal(gym.alice.persistence_id, 3, events.UserErased(at_ms=9))
    assert len({event.entity for event in stored}) > 1
    assert [opening.open(event) for event in [*stored, erased]] == [
        gym.codec.open(event) for event in [*stored, erased]
    ]
    gym.close()


def test_opening_in_a_row_refuses_the_erased_and_what_is_newer_than_the_code(gym: Gym) -> None:
    stored = next(gym.journal.replay(gym.alice.persistence_id)).event
    with pytest.raises(UnknownEventError):
        gym.codec.opening().open(msgspec.structs.replace(stored, schema=99))
    gym.keys.forget(*gym.alice)
    with pytest.raises(ErasedPersonError):
        gym.codec.opening().open(stored)
    gym.close()
