"""Snapshots shorten a recovery and never change what it finds."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from kinelog.actors import messages, snapshots
from kinelog.actors.recovery import Recoverer
from kinelog.actors.region import Region
from kinelog.actors.restoration import restore_shard
from kinelog.actors.rules import DOMAIN_RULES
from kinelog.domain import commands as ask
from kinelog.domain.identifiers import Person, shard_of
from kinelog.domain.states import SessionState
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.memory_journal import MemoryJournal
from kinelog.journal.records import Snapshot
from kinelog.privacy.key_store import KeyStore
from typing_extensions import override

from tests.actors.asking import START_MS, Asker, MakeRegion, frames, start_session

Damage = Callable[[Snapshot], Snapshot]


@pytest.fixture
def recoverer(journal: MemoryJournal, keys: KeyStore) -> Recoverer:
    return Recoverer(journal, keys, EventCodec(keys), DOMAIN_RULES)


@pytest.fixture
def stream(make_region: MakeRegion, person: Person, session: str) -> str:
    """A session with 251 events and its two snapshots."""
    region: Region = make_region()
    asker = Asker(region)
    start_session(asker, person, session)
    for first in range(0, 250, 25):
        asker.ask(person, frames(session, *range(first, first + 25)))
    region.stop()
    return person.session(session)


def recovered(recoverer: Recoverer, stream: str) -> messages.Recovered:
    recovery = recoverer.recover(stream, 1)
    assert isinstance(recovery, messages.Recovered)
    return recovery


def other_schema(snapshot: Snapshot) -> Snapshot:
    return msgspec.structs.replace(snapshot, schema=snapshot.schema + 1)


def other_place(snapshot: Snapshot) -> Snapshot:
    return msgspec.structs.replace(snapshot, sequence=snapshot.sequence - 1)


def damaged(snapshot: Snapshot) -> Snapshot:
    sealed = snapshot.payload
    return msgspec.structs.replace(
        snapshot, payload=msgspec.structs.replace(sealed, ciphertext=sealed.ciphertext[:-1] + b"!")
    )


def in_the_clear(snapshot: Snapshot) -> Snapshot:
    return msgspec.structs.replace(snapshot, payload=msgspec.structs.replace(snapshot.payload, codec=0))


def test_a_recovery_starts_from_the_newest_snapshot(recoverer: Recoverer, stream: str, journal: MemoryJournal) -> None:
    newest, older = journal.snapshots(stream)
    recovery = recovered(recoverer, stream)
    assert recovery.sequence == 251
    assert recovery.snapshot_sequence == newest.sequence > older.sequence


@pytest.mark.parametrize("damage", [other_schema, other_place, damaged, in_the_clear])
def test_a_snapshot_that_cannot_be_used_is_passed_over(
    recoverer: Recoverer, stream: str, journal: MemoryJournal, damage: Damage
) -> None:
    whole = recovered(recoverer, stream)
    newest, older = journal.snapshots(stream)
    journal.discard_snapshots(stream)
    journal.save_snapshot(older)
    journal.save_snapshot(msgspec.structs.replace(damage(newest), entity=stream))
    from_older = recovered(recoverer, stream)
    assert from_older.snapshot_sequence == older.sequence
    journal.discard_snapshots(stream)
    journal.save_snapshot(damage(newest))
    from_events = recovered(recoverer, stream)
    assert from_events.snapshot_sequence == 0
    assert whole.state == from_older.state == from_events.state


def test_a_snapshot_opens_for_nobody_after_the_erasure(keys: KeyStore, person: Person, session: str) -> None:
    snapshot = snapshots.seal_state(person.session(session), 3, SessionState(), START_MS, keys)
    keys.forget(*person)
    assert isinstance(
        Recoverer(MemoryJournal(1), keys, EventCodec(keys), DOMAIN_RULES).recover(snapshot.entity, 1),
        messages.RecoveryErased,
    )


def test_a_missing_event_is_a_failed_recovery_not_a_wrong_state(
    recoverer: Recoverer, stream: str, journal: MemoryJournal
) -> None:
    journal.discard_snapshots(stream)
    del journal._entities[stream][100]
    assert isinstance(recoverer.recover(stream, 1), messages.RecoveryFailed)


def test_open_sessions_come_from_the_shards_snapshot_and_the_log_behind_it(
    make_region: MakeRegion, journal: MemoryJournal, keys: KeyStore, person: Person, session: str, stream: str
) -> None:
    shard = shard_of(person, journal.shards)
    (snapshot,) = journal.snapshots(f"shard:{shard}")
    assert snapshots.open_sessions(snapshot) == {stream: START_MS}
    asker = Asker(make_region())
    asker.ask(person, frames(session, 400, at_ms=START_MS + 5_000))
    restored = restore_shard(journal, keys, shard, journal.head(shard))
    assert restored.snapshot_position == snapshot.sequence
    assert restored.sessions == {stream: START_MS + 5_000}
    asker.ask(person, ask.EndSession(at_ms=START_MS + 6_000, session=session, final=True))
    assert restore_shard(journal, keys, shard, journal.head(shard)).sessions == {}


def test_a_damaged_shard_snapshot_is_passed_over(
    journal: MemoryJournal, keys: KeyStore, person: Person, stream: str
) -> None:
    shard = shard_of(person, journal.shards)
    (snapshot,) = journal.snapshots(f"shard:{shard}")
    journal.save_snapshot(damaged(snapshot))
    restored = restore_shard(journal, keys, shard, journal.head(shard))
    assert restored.snapshot_position == 0
    assert restored.sessions == {stream: START_MS}


def test_restoring_names_the_erasures_whose_keys_are_still_there(
    make_region: MakeRegion, journal: MemoryJournal, keys: KeyStore, person: Person, session: str
) -> None:
    asker = Asker(make_region())
    start_session(asker, person, session)
    asker.ask(person, ask.EraseUser(at_ms=START_MS))
    shard = shard_of(person, journal.shards)
    assert restore_shard(journal, keys, shard, journal.head(shard)).erased == ()

    class Forgetful(KeyStore):
        def __init__(self) -> None:
            """A key store that the crash came too early for."""

        @override
        def is_erased(self, tenant: str, pseudonym: str) -> bool:
            del tenant, pseudonym
            return False

    restored = restore_shard(journal, Forgetful(), shard, journal.head(shard))
    assert restored.erased == (person,)
    assert restored.sessions == {}
