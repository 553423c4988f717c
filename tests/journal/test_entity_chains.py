"""Two logs have equal chains exactly if each entity has the same events, whatever shards and commits they are in."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from kinelog.journal import entity_chains
from kinelog.journal.copy_mark import MemoryCopyMarks
from kinelog.journal.entity_chains import EntityChains, compare, link
from kinelog.journal.errors import CorruptError
from kinelog.journal.memory_journal import MemoryJournal
from kinelog.journal.records import StoredEvent
from msgspec.structs import replace

from tests.journal.contract import new_id
from tests.journal.copied_logs import Growing, compared, copy_round
from tests.journal.stored_events import person_in, some, stored

ENTITY = person_in(0, 1).persistence_id


def journal_of(*events: StoredEvent) -> MemoryJournal:
    journal = MemoryJournal(1)
    journal.commit(0, journal.acquire(0, "a").epoch, 0, new_id(), events)
    return journal


CHANGES: dict[str, Callable[[StoredEvent], StoredEvent]] = {
    "type": lambda event: replace(event, type="SetRemoved"),
    "schema": lambda event: replace(event, schema=2),
    "time": lambda event: replace(event, at_ms=event.at_ms + 1),
    "key id": lambda event: replace(event, payload=replace(event.payload, key_id="0" * 16)),
    "nonce": lambda event: replace(event, payload=replace(event.payload, nonce=bytes(12))),
    "codec": lambda event: replace(event, payload=replace(event.payload, codec=0)),
    "ciphertext": lambda event: replace(event, payload=replace(event.payload, ciphertext=b"")),
    "border of two fields": lambda event: replace(
        event,
        payload=replace(
            event.payload,
            nonce=event.payload.nonce[:-1],
            ciphertext=event.payload.nonce[-1:] + event.payload.ciphertext,
        ),
    ),
}


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_difference_in_any_field_of_any_event_is_found(what: str, which: int) -> None:
    events = some(ENTITY, 3)
    changed = [*events[:which], CHANGES[what](events[which]), *events[which + 1 :]]
    found = compared(journal_of(*events), journal_of(*changed))
    assert (found.differing, found.named) == (1, (f"{ENTITY} has other bytes at the destination, up to #3",))
    assert compared(journal_of(*events), journal_of(*events)).differing == 0


def test_events_that_changed_places_are_found() -> None:
    """Sequence numbers and bytes swapped with each other: the same multiset of payloads, another history."""
    events = some(ENTITY, 2)
    swapped = [replace(events[0], payload=events[1].payload), replace(events[1], payload=events[0].payload)]
    assert compared(journal_of(*events), journal_of(*swapped)).differing == 1


def test_an_entity_that_is_missing_shorter_or_too_much_is_named() -> None:
    other, third = person_in(0, 1, 1).persistence_id, person_in(0, 1, 2).persistence_id
    one = journal_of(*some(ENTITY, 3), stored(other, 1))
    two = journal_of(*some(ENTITY, 2), stored(third, 1))
    found = compared(one, two)
    assert found.differing == found.entities == 3
    assert set(found.named) == {
        f"{ENTITY} has 3 events at the source and 2 at the destination",
        f"{other} has 1 events at the source and 0 at the destination",
        f"{third} has 0 events at the source and 1 at the destination",
    }


def test_the_head_of_all_chains_does_not_depend_on_shards_or_on_what_fits_into_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = Growing(MemoryJournal(4))
    source.grow(80)
    heads = set()
    for shards, in_memory in ((1, 1 << 20), (3, 1 << 20), (4, 8), (7, 0)):
        monkeypatch.setattr(entity_chains, "ENTITIES_IN_MEMORY", in_memory)
        destination = MemoryJournal(shards)
        copy_round(source.journal, destination, MemoryCopyMarks())
        for one, other in ((source.journal, destination), (destination, source.journal)):
            found = compared(one, other)
            assert found.differing == 0
            assert found.events == sum(map(source.journal.head, range(4)))
            heads.add(found.head)
    assert len(heads) == 1
    source.grow(1)
    assert compared(source.journal, source.journal).head not in heads


def test_a_source_that_grew_is_compared_up_to_where_it_was_copied() -> None:
    source, destination, marks = Growing(MemoryJournal(4)), MemoryJournal(4), MemoryCopyMarks()
    source.grow(20)
    mark = copy_round(source.journal, destination, marks)
    source.grow(20)
    told: list[int] = []
    assert compare(source.journal, mark.until, destination, told.append).differing == 0
    assert sum(told) == 2 * sum(mark.until)
    assert compared(source.journal, destination).differing > 0


def test_a_sequence_number_that_is_not_the_next_is_damage() -> None:
    with EntityChains() as chains:
        chains.add(stored(ENTITY, 1))
        with pytest.raises(CorruptError, match="where #2 belongs"):
            chains.add(stored(ENTITY, 3))


def test_a_chain_is_the_hash_of_the_chain_before_and_the_event() -> None:
    events = some(ENTITY, 2)
    with EntityChains(1) as chains:
        for event in [events[0], stored("demo/b", 1), stored("demo/c", 1), events[1]]:
            chains.add(event)
        found = {chain.entity: chain for chain in chains.in_order()}
    assert found[ENTITY].head == link(link(b"", events[0]), events[1])
    assert found[ENTITY].sequence == 2
