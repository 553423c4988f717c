"""What every journal has to keep, whatever it stores in. An adapter's tests subclass `JournalContract`."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from kinelog.journal.errors import CommitTooLargeError, FencedError
from kinelog.journal.port import Journal
from kinelog.journal.records import Acquired, CommitName, Outcome, Positioned, StoredEvent

from tests.journal.journal_model import JournalMachine
from tests.journal.stored_events import person_in, snapshot, some, stored

OpenJournal = Callable[[], Journal]
"""Opens one and the same store (again); several may be open at once."""

NewStore = Callable[[], OpenJournal]
"""Makes an empty store."""


class JournalContract:
    """The port's promises. A subclass gives `new_store`, and says how many shards its stores have (at least 4)."""

    stateful_examples = 30

    @pytest.fixture
    def new_store(self) -> NewStore:
        """Make empty stores, and close all journals afterwards."""
        raise NotImplementedError

    @pytest.fixture
    def open_journal(self, new_store: NewStore) -> OpenJournal:
        return new_store()

    @pytest.fixture
    def journal(self, open_journal: OpenJournal) -> Journal:
        return open_journal()

    # ── epochs ───────────────────────────────────────────────────────────────────────────────────────────────────

    def test_a_new_shard_is_empty(self, journal: Journal) -> None:
        assert journal.head(1) == 0
        assert journal.read(1, 0, 100) == []
        assert journal.acquire(1, "a").head == 0

    def test_each_acquisition_gives_a_higher_epoch(self, open_journal: OpenJournal) -> None:
        one, other = open_journal(), open_journal()
        epochs = [owner.acquire(1, "x").epoch for owner in (one, other, one, one, other)]
        assert epochs == sorted(set(epochs))
        assert min(epochs) >= 1

    def test_only_the_newest_epoch_owns(self, open_journal: OpenJournal) -> None:
        one, other = open_journal(), open_journal()
        first = one.acquire(1, "a").epoch
        assert one.owns(1, first)
        assert other.owns(1, first)
        second = other.acquire(1, "b").epoch
        assert not one.owns(1, first)
        assert one.owns(1, second)
        assert not one.owns(2, second)

    def test_an_older_epoch_cannot_commit_and_leaves_nothing(self, open_journal: OpenJournal) -> None:
        one, other = open_journal(), open_journal()
        entity = entity_in(one, 1)
        paused = one.acquire(1, "paused")
        owner = other.acquire(1, "owner")
        with pytest.raises(FencedError):
            one.commit(1, paused.epoch, paused.head, new_id(), some(entity, 2))
        assert one.read(1, 0, 10) == []
        assert other.commit(1, owner.epoch, owner.head, new_id(), some(entity, 3)) == 3
        with pytest.raises(FencedError):
            one.commit(1, paused.epoch, 3, new_id(), some(entity, 2, after=3))
        assert [positioned.event.sequence for positioned in one.read(1, 0, 10)] == [1, 2, 3]

    def test_an_epoch_that_nobody_was_given_cannot_commit(self, journal: Journal) -> None:
        owner = journal.acquire(1, "a")
        with pytest.raises(FencedError):
            journal.commit(1, owner.epoch + 1, 0, new_id(), some(entity_in(journal, 1), 1))
        assert journal.head(1) == 0

    @pytest.mark.parametrize("wrong", [-1, 1, 2, 100])
    def test_a_commit_behind_another_head_is_refused(self, journal: Journal, wrong: int) -> None:
        entity = entity_in(journal, 1)
        epoch = journal.acquire(1, "a").epoch
        journal.commit(1, epoch, 0, new_id(), some(entity, 3))
        with pytest.raises(FencedError):
            journal.commit(1, epoch, 3 + wrong, new_id(), some(entity, 1, after=3))
        assert journal.head(1) == 3
        assert journal.commit(1, epoch, 3, new_id(), some(entity, 1, after=3)) == 4

    def test_shards_know_nothing_of_each_other(self, journal: Journal) -> None:
        owners = {shard: journal.acquire(shard, "a").epoch for shard in (0, 1, 3)}
        for shard, epoch in owners.items():
            journal.commit(shard, epoch, 0, new_id(), some(entity_in(journal, shard), shard + 1))
        journal.acquire(1, "b")
        assert {shard: journal.head(shard) for shard in owners} == {0: 1, 1: 2, 3: 4}
        assert journal.owns(0, owners[0])
        assert not journal.owns(1, owners[1])
        assert journal.head(2) == 0

    # ── outcomes ─────────────────────────────────────────────────────────────────────────────────────────────────

    def test_an_outcome_is_judged_by_the_commit_not_by_the_head(self, open_journal: OpenJournal) -> None:
        one, other = open_journal(), open_journal()
        entity = entity_in(one, 1)
        old = one.acquire(1, "a")
        applied, lost, foreign = new_id(), new_id(), new_id()
        one.commit(1, old.epoch, 0, applied, some(entity, 2))
        new = other.acquire(1, "b")
        with pytest.raises(FencedError):
            one.commit(1, old.epoch, 2, lost, some(entity, 2, after=2))
        # As many events as the lost commit had: the head looks as if that had been applied.
        other.commit(1, new.epoch, 2, foreign, some(entity, 2, after=2))
        for journal in (one, other):
            assert journal.outcome(1, old.epoch, 0, applied) == Outcome(applied=True, first=1, last=2)
            assert journal.outcome(1, old.epoch, 2, lost) == Outcome(applied=False)
            assert journal.outcome(1, new.epoch, 2, foreign) == Outcome(applied=True, first=3, last=4)
            assert journal.outcome(1, new.epoch, 4, new_id()) == Outcome(applied=False)

    # ── log order ────────────────────────────────────────────────────────────────────────────────────────────────

    def test_positions_are_contiguous_and_events_come_back_as_they_were(self, journal: Journal) -> None:
        epoch = journal.acquire(1, "a").epoch
        first, second = entity_in(journal, 1), entity_in(journal, 1, 1)
        written: list[StoredEvent] = []
        for events in ([stored(first, 1)], [stored(second, 1), stored(first, 2), stored(second, 2)], some(first, 7, 2)):
            assert journal.commit(1, epoch, len(written), new_id(), events) == len(written) + len(events)
            written += events
        assert journal.read(1, 0, 1_000) == positioned(written)

    @pytest.mark.parametrize("size", [0, 1, 400, 70_000])
    def test_payloads_of_any_size_come_back(self, journal: Journal, size: int) -> None:
        entity = entity_in(journal, 1)
        events = [stored(entity, 1, secrets.token_bytes(size)), stored(entity, 2, b"")]
        journal.commit(1, journal.acquire(1, "a").epoch, 0, new_id(), events)
        assert [item.event for item in journal.read(1, 0, 10)] == events
        assert [item.event for item in journal.replay(entity)] == events

    def test_reading_from_any_position_with_any_limit_gives_a_run_without_gaps(self, journal: Journal) -> None:
        written = commits_of(journal, 1, (1, 4, 2, 5))
        for after in range(len(written) + 1):
            for limit in (1, 2, 3, 5, 100):
                got = journal.read(1, after, limit)
                assert got == written[after : after + len(got)]
                assert len(got) >= min(limit, len(written) - after)
        assert journal.read(1, len(written) + 5, 10) == []
        assert journal.read(1, 0, 0) == []

    def test_a_commit_of_many_events_is_one_piece(self, journal: Journal) -> None:
        written = commits_of(journal, 1, (1_500, 20))
        assert journal.read(1, 0, 10_000) == written

    def test_the_commits_of_a_stretch_are_named_as_they_were_committed(self, journal: Journal) -> None:
        entity, epoch, head = entity_in(journal, 1), journal.acquire(1, "a").epoch, 0
        names: list[CommitName] = []
        for count in (1, 4, 2, 60, 5):
            commit_id = new_id()
            last = journal.commit(1, epoch, head, commit_id, some(entity, count, after=head))
            names.append(CommitName(head + 1, last, epoch, commit_id))
            head = last
            epoch = journal.acquire(1, "a").epoch
        for after in (0, 1, 2, 5, 40, 67, 71, head):
            for up_to in (0, 1, 3, 5, 6, 67, head, head + 9):
                assert journal.commits(1, after, up_to) == [
                    name for name in names if name.last > after and name.first <= up_to and after < up_to
                ]
        assert journal.commits(2, 0, 100) == []

    # ── one entity ───────────────────────────────────────────────────────────────────────────────────────────────

    def test_replay_gives_one_entity_in_order_from_any_sequence(self, journal: Journal) -> None:
        written = commits_of(journal, 1, (1, 6, 3, 17, 2, 40), people=3)
        for number in range(3):
            entity = entity_in(journal, 1, number)
            of_entity = [item for item in written if item.event.entity == entity]
            assert of_entity
            for after in range(len(of_entity) + 2):
                assert list(journal.replay(entity, after)) == of_entity[after:]

    def test_who_has_no_events_replays_to_nothing(self, journal: Journal) -> None:
        commits_of(journal, 1, (3,))
        person = person_in(1, journal.shards)
        assert list(journal.replay(person.session("0" * 8))) == []
        assert list(journal.replay(entity_in(journal, 2))) == []

    def test_a_person_and_their_session_are_two_streams(self, journal: Journal) -> None:
        person = person_in(1, journal.shards)
        session = person.session("11111111-1111-4111-8111-111111111111")
        events = [stored(person.persistence_id, 1), stored(session, 1), stored(session, 2)]
        journal.commit(1, journal.acquire(1, "a").epoch, 0, new_id(), events)
        assert [item.position for item in journal.replay(person.persistence_id)] == [1]
        assert [item.position for item in journal.replay(session)] == [2, 3]

    def test_a_commit_is_seen_at_once_by_every_reader(self, open_journal: OpenJournal) -> None:
        writer, reader = open_journal(), open_journal()
        entity = entity_in(writer, 1)
        epoch = writer.acquire(1, "a").epoch
        for count in range(1, 20):
            writer.commit(1, epoch, count - 1, new_id(), some(entity, 1, after=count - 1))
            assert reader.head(1) == count
            assert len(list(reader.replay(entity))) == count
            assert len(list(writer.replay(entity, count - 1))) == 1

    # ── snapshots ────────────────────────────────────────────────────────────────────────────────────────────────

    def test_the_newest_two_snapshots_are_kept(self, journal: Journal) -> None:
        entity = entity_in(journal, 1)
        assert journal.snapshots(entity) == []
        kept = [snapshot(entity, sequence, b"%d" % sequence) for sequence in (100, 200, 300)]
        for one in kept:
            journal.save_snapshot(one)
        assert journal.snapshots(entity) == [kept[2], kept[1]]
        again = snapshot(entity, 300, b"again")
        journal.save_snapshot(again)
        assert journal.snapshots(entity) == [again, kept[1]]
        assert journal.snapshots(entity_in(journal, 1, 1)) == []

    def test_discarding_takes_a_persons_snapshots_and_nobody_elses(self, journal: Journal) -> None:
        person, other = person_in(1, journal.shards), person_in(1, journal.shards, 1)
        session = "11111111-1111-4111-8111-111111111111"
        near = person.persistence_id + "0"
        mine = [person.persistence_id, person.session(session)]
        others = [other.persistence_id, other.session(session), near, "shard:1"]
        for entity in mine + others:
            journal.save_snapshot(snapshot(entity, 1))
            journal.save_snapshot(snapshot(entity, 2))
        journal.discard_snapshots(person.persistence_id)
        journal.discard_snapshots(person.persistence_id)
        assert [len(journal.snapshots(entity)) for entity in mine] == [0, 0]
        assert [len(journal.snapshots(entity)) for entity in others] == [2, 2, 2, 2]

    # ── again ────────────────────────────────────────────────────────────────────────────────────────────────────

    def test_everything_is_there_after_opening_again(self, open_journal: OpenJournal) -> None:
        journal = open_journal()
        written = commits_of(journal, 1, (3, 1, 4), people=2)
        epoch = journal.acquire(1, "a").epoch
        commit_id = new_id()
        entity = entity_in(journal, 1)
        journal.commit(2, journal.acquire(2, "a").epoch, 0, commit_id, some(entity_in(journal, 2), 2))
        journal.save_snapshot(snapshot(entity, 2))
        identity = (journal.incarnation, journal.shards)
        journal.close()
        again = open_journal()
        assert (again.incarnation, again.shards) == identity
        assert again.read(1, 0, 100) == written
        assert again.owns(1, epoch)
        assert again.outcome(2, 1, 0, commit_id).applied
        assert list(again.replay(entity)) == [item for item in written if item.event.entity == entity]
        assert len(again.snapshots(entity)) == 1
        assert again.acquire(1, "b") == Acquired(epoch + 1, 8)

    # ── many at once ─────────────────────────────────────────────────────────────────────────────────────────────

    def test_owners_of_many_shards_commit_at_once(self, journal: Journal) -> None:
        def work(shard: int) -> list[Positioned]:
            return commits_of(journal, shard, (3,) * 25, people=2)

        with ThreadPoolExecutor(4) as pool:
            written = list(pool.map(work, range(4)))
        assert [journal.read(shard, 0, 1_000) for shard in range(4)] == written

    def test_racing_owners_of_one_shard_store_each_acknowledged_commit_once(self, open_journal: OpenJournal) -> None:
        journals = [open_journal() for _ in range(3)]
        entity = entity_in(journals[0], 1)
        acknowledged: dict[bytes, int] = {}
        barrier = threading.Barrier(len(journals))

        def race(journal: Journal) -> None:
            barrier.wait()
            for _ in range(10):
                owner = journal.acquire(1, "racer")
                head = owner.head
                try:
                    while head < owner.head + 6:
                        commit_id = new_id()
                        head = journal.commit(1, owner.epoch, head, commit_id, some(entity, 2, after=head))
                        acknowledged[commit_id] = head
                except FencedError:
                    continue

        with ThreadPoolExecutor(len(journals)) as pool:
            list(pool.map(race, journals))
        reader = journals[0]
        log = reader.read(1, 0, 10_000)
        assert [item.position for item in log] == list(range(1, len(log) + 1))
        assert [item.event.sequence for item in log] == list(range(1, len(log) + 1))
        assert sorted(acknowledged.values()) == list(range(2, len(log) + 1, 2))
        assert list(reader.replay(entity)) == log

    # ── against a model ──────────────────────────────────────────────────────────────────────────────────────────

    def test_any_history_of_owners_commits_and_restarts_is_what_the_model_says(self, new_store: NewStore) -> None:
        class Machine(JournalMachine):
            def __init__(self) -> None:
                super().__init__(new_store())

        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=self.stateful_examples,
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )


class BoundedCommits:
    """For adapters with a largest commit: `open_journal` opens one that takes `largest` bytes."""

    largest = 2 << 20

    def test_a_commit_that_is_too_large_is_refused_and_the_next_is_taken(self, open_journal: OpenJournal) -> None:
        journal = open_journal()
        entity = entity_in(journal, 1)
        epoch = journal.acquire(1, "a").epoch
        with pytest.raises(CommitTooLargeError) as refused:
            journal.commit(1, epoch, 0, new_id(), [stored(entity, 1, bytes(self.largest))])
        assert refused.value.size > refused.value.limit == self.largest
        assert journal.head(1) == 0
        assert journal.commit(1, epoch, 0, new_id(), [stored(entity, 1, bytes(self.largest // 2))]) == 1


def new_id() -> bytes:
    """A commit id."""
    return secrets.token_bytes(16)


def entity_in(journal: Journal, shard: int, number: int = 0) -> str:
    """A person's own stream in a shard."""
    return person_in(shard, journal.shards, number).persistence_id


def positioned(events: list[StoredEvent]) -> list[Positioned]:
    """Events at positions from 1 on."""
    return [Positioned(index, event) for index, event in enumerate(events, 1)]


def commits_of(journal: Journal, shard: int, sizes: tuple[int, ...], people: int = 2) -> list[Positioned]:
    """Acquire a shard and commit events of several people, taking turns; the log behind that."""
    owner = journal.acquire(shard, "test")
    head = owner.head
    entities = [entity_in(journal, shard, number) for number in range(people)]
    sequences = dict.fromkeys(entities, 0)
    log: list[Positioned] = []
    for size in sizes:
        events = []
        for index in range(size):
            # Runs of several events of one entity as well as single ones.
            entity = entities[(head + index) // 3 % people]
            sequences[entity] += 1
            events.append(stored(entity, sequences[entity]))
        after, head = head, journal.commit(shard, owner.epoch, head, new_id(), events)
        log += [Positioned(after + 1 + index, event) for index, event in enumerate(events)]
    return log
