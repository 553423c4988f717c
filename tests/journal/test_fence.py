"""The fence of the log, statement by statement: all interleavings of several owners, and what each rule is for."""

from __future__ import annotations

from random import Random

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from kinelog.journal.cassandra.buckets import KnownBuckets
from kinelog.journal.cassandra.fence_rules import ALL_RULES, FenceRules
from kinelog.journal.cassandra.procedures import Fence, Steps
from kinelog.journal.cassandra.requests import SEALED, BucketState, Reply

from tests.journal.fence_interleaving import BrokenPromiseError, Fate, Interleaving
from tests.journal.fence_table import BucketPartition, FenceTable

OWNERS = st.integers(0, 2)
FATES = st.sampled_from(Fate)


class Owners(RuleBasedStateMachine):
    """Hypothesis chooses who does what and what becomes of it."""

    def __init__(self) -> None:
        super().__init__()
        self.shard = Interleaving()

    @rule(
        owner=OWNERS, what=st.sampled_from(["acquire", "commit", "commit", "prove", "look"]), events=st.integers(1, 2)
    )
    def begin(self, owner: int, what: str, events: int) -> None:
        begin(self.shard, owner, what, events)

    @rule(owner=OWNERS, fate=FATES)
    def one_statement(self, owner: int, fate: Fate) -> None:
        self.shard.step(self.shard.owners[owner], fate)

    @rule(owner=OWNERS, statements=st.integers(2, 12))
    def undisturbed(self, owner: int, statements: int) -> None:
        for _ in range(statements):
            self.shard.step(self.shard.owners[owner], Fate.ANSWERED)

    @rule(index=st.integers(0, 5))
    def something_late_lands(self, index: int) -> None:
        self.shard.land(index)

    @rule(owner=OWNERS, fate=FATES)
    def crash(self, owner: int, fate: Fate) -> None:
        self.shard.crash(self.shard.owners[owner], fate)

    @rule(owner=OWNERS)
    def forget(self, owner: int) -> None:
        self.shard.forget(self.shard.owners[owner])


def begin(shard: Interleaving, number: int, what: str, events: int) -> None:
    """Begin something, if the owner has nothing else to do."""
    owner = shard.owners[number]
    if not owner.idle:
        return
    match what:
        case "acquire":
            shard.acquire(owner)
        case "commit":
            shard.commit(owner, events)
        case "prove":
            shard.prove(owner)
        case _:
            shard.look(owner)


def explore(
    seed: int,
    rules: FenceRules = ALL_RULES,
    *,
    new_epoch: bool = True,
    steps: int = 700,
    shard: Interleaving | None = None,
) -> Interleaving:
    """A random history, of a new shard unless one is given; the seed repeats it."""
    rng = Random(seed)
    shard = shard or Interleaving(rules, new_epoch)
    troubled = rng.choice((0.0, 0.1, 0.4))
    for _ in range(steps):
        owner = rng.randrange(3)
        fate = rng.choice(list(Fate)) if rng.random() < troubled else Fate.ANSWERED
        match rng.random():
            case chance if chance < 0.25:
                begin(shard, owner, rng.choice(("acquire", "commit", "commit", "commit", "prove", "look")), 1)
            case chance if chance < 0.9:
                shard.step(shard.owners[owner], fate)
            case chance if chance < 0.97:
                shard.land(rng.randrange(5))
            case chance if chance < 0.98:
                shard.crash(shard.owners[owner], fate)
            case _:
                shard.forget(shard.owners[owner])
    return shard


def explore_many(seeds: int, rules: FenceRules = ALL_RULES, *, new_epoch: bool = True) -> list[Interleaving]:
    """Many of them."""
    return [explore(seed, rules, new_epoch=new_epoch) for seed in range(seeds)]


def test_no_interleaving_of_owners_and_lost_answers_breaks_a_promise() -> None:
    run_state_machine_as_test(Owners, settings=settings(max_examples=150, stateful_step_count=60, deadline=None))


def test_long_random_histories_break_no_promise_and_reach_many_buckets() -> None:
    histories = explore_many(150)
    assert max(len(shard.table.buckets) for shard in histories) > 8
    assert sum(len(shard.acknowledged) for shard in histories) > 1_000
    assert max(len(shard.grants) for shard in histories) > 8


@pytest.mark.parametrize("name", FenceRules.__struct_fields__)
def test_without_any_one_rule_a_promise_breaks(name: str) -> None:
    without = msgspec.structs.replace(ALL_RULES, **{name: False})
    with pytest.raises(BrokenPromiseError):
        explore_many(2_000, without)


def test_without_a_new_epoch_after_an_unknown_outcome_a_promise_breaks() -> None:
    with pytest.raises(BrokenPromiseError):
        explore_many(2_000, new_epoch=False)


def test_who_is_far_behind_finds_the_newest_bucket_and_any_position_in_few_reads() -> None:
    table = FenceTable()
    for bucket in range(1_000):
        sealed = BucketState(SEALED, 10 * bucket + 10, 10 * bucket, 1, 7)
        table.buckets[0, bucket] = BucketPartition(sealed, "a")
    table.buckets[0, 1_000] = BucketPartition(BucketState(7, 10_003, 10_000, 1, 0), "a")
    fence = Fence()
    for known in (KnownBuckets(), knowing(0, 0), knowing(990, 9_900), knowing(1_000, 10_000)):
        asked, head = run(fence.head(0, known), table)
        assert head == 10_003
        assert asked <= 26
    asked, head = run(fence.head(0, known), table)
    assert (asked, head) == (1, 10_003)
    for position in (1, 10, 11, 5_005, 9_999, 10_001, 10_004):
        asked, bucket = run(fence.bucket_of(0, position, KnownBuckets()), table)
        assert bucket == min((position - 1) // 10, 1_000)
        assert asked <= 26


def knowing(bucket: int, start: int) -> KnownBuckets:
    known = KnownBuckets()
    known.add(bucket, start)
    return known


def run(steps: Steps[int], table: FenceTable) -> tuple[int, int]:
    """Run a procedure undisturbed: how much it asked, and what it returned."""
    asked = 0
    reply: Reply = None
    while True:
        try:
            request = steps.send(reply)
        except StopIteration as done:
            return asked, done.value
        asked += 1
        reply = table.apply(request)
