"""The judge finds what it is there for, each rule by itself: one that is always content would let everything pass."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cluster_chaos.history import Exchange, Look, Named, Stored
from tests.cluster_chaos.judge import Complaint, Evidence, judge, late_answers
from tests.cluster_chaos.witness import Acquisition, Answers

SESSION, DEVICE, SHARD, EPOCH = "monday", "pebble", 2, 7
TAKEN = Acquisition(at_s=0.0, node="node-1", shard=SHARD, epoch=EPOCH)


def frame(number: int) -> Named:
    return Named(SESSION, DEVICE, number)


def sent(number: int, status: int = 201) -> Exchange:
    """The frame of a second, sent at its beginning and answered half a second later."""
    return Exchange(0, frame(number), "node-1", float(number), number + 0.5, status, SHARD, number, come_back=True)


def stored(number: int, position: int | None = None, epoch: int = EPOCH) -> Stored:
    return Stored(frame(number), SHARD, number if position is None else position, epoch)


FINE = Evidence(
    exchanges=[sent(number) for number in range(1, 6)],
    stored=[stored(number) for number in range(1, 6)],
    looks=[Look(SESSION, DEVICE, "node-2", 9.0, ())],
    acquisitions=[TAKEN],
    answers=[Answers(number + 0.4, "node-1", SHARD, EPOCH, 1, committed=True) for number in range(1, 6)],
)


@given(seed=st.integers(0, 2**32), later=st.sets(st.integers(6, 20)))
def test_a_run_in_which_nothing_went_wrong_is_not_complained_of(seed: int, later: set[int]) -> None:
    chance = random.Random(seed)
    unanswered = [replace(sent(number), status=chance.choice([0, 503, 429])) for number in sorted(later)]
    held = [stored(number) for number in sorted(later) if chance.random() < 0.5]  # the answer was lost, not the frame
    log = [*FINE.stored, *held]
    chance.shuffle(log)
    assert judge(replace(FINE, exchanges=[*FINE.exchanges, *unanswered], stored=log)) == []


@pytest.mark.parametrize("status", [200, 201])
def test_what_was_acknowledged_and_is_not_in_the_log_is_lost(status: int) -> None:
    evidence = replace(FINE, exchanges=[*FINE.exchanges, sent(6, status)])
    assert rules(evidence) == {"lost"}


@pytest.mark.parametrize("status", [201, 503])
def test_what_is_in_the_log_twice_is_doubled_acknowledged_or_not(status: int) -> None:
    held = [*FINE.stored, stored(6), stored(6, position=7)]
    evidence = replace(FINE, exchanges=[*FINE.exchanges, sent(6, status)], stored=held)
    assert "doubled" in rules(evidence)


@pytest.mark.parametrize(
    "elsewhere", [Stored(frame(5), SHARD, 6, EPOCH), Stored(frame(5), SHARD + 1, 5, EPOCH)], ids=["later", "shard"]
)
def test_what_is_not_where_the_answer_said_is_misplaced(elsewhere: Stored) -> None:
    assert rules(replace(FINE, stored=[*FINE.stored[:-1], elsewhere])) == {"misplaced"}


def test_what_was_sent_after_an_acknowledgement_stands_behind_it() -> None:
    swapped = [*FINE.stored[:3], stored(4, position=5), stored(5, position=4)]
    said = [replace(one, position=9) for one in FINE.exchanges]
    assert rules(replace(FINE, exchanges=said, stored=swapped)) == {"out of order"}


def test_what_was_sent_before_the_acknowledgement_may_stand_on_either_side() -> None:
    swapped = [*FINE.stored[:3], stored(4, position=5), stored(5, position=4)]
    said = [replace(one, position=9, told_s=9.0) for one in FINE.exchanges]
    assert judge(replace(FINE, exchanges=said, stored=swapped)) == []


def test_frames_and_labels_of_a_session_have_one_order() -> None:
    label = Named(SESSION, "label", 4)
    said = [*FINE.exchanges[:4], replace(sent(5), named=label, position=9)]
    assert rules(replace(FINE, exchanges=said, stored=[*FINE.stored[:4], Stored(label, SHARD, 0, EPOCH)])) == {
        "out of order"
    }


def test_an_epoch_that_writes_behind_a_newer_one_is_an_old_writer() -> None:
    evidence = replace(FINE, stored=[*FINE.stored[:3], stored(4, epoch=EPOCH + 1), stored(5)])
    assert rules(evidence) == {"old writer"}


def test_an_epoch_that_writes_what_was_sent_after_the_shard_was_taken_is_an_old_writer() -> None:
    evidence = replace(FINE, acquisitions=[TAKEN, Acquisition(4.9, "node-2", SHARD, EPOCH + 1)])
    assert rules(evidence) == {"old writer"}


def test_what_was_sent_before_the_shard_was_taken_may_be_written_by_the_old_epoch() -> None:
    evidence = replace(FINE, acquisitions=[TAKEN, Acquisition(5.1, "node-2", SHARD, EPOCH + 1)])
    assert judge(evidence) == []


def test_whoever_speaks_from_memory_after_losing_the_shard_gives_an_old_answer() -> None:
    taken = [TAKEN, Acquisition(6.0, "node-2", SHARD, EPOCH + 1)]
    late = Answers(6.1, "node-1", SHARD, EPOCH, 3, committed=False)
    assert rules(replace(FINE, acquisitions=taken, answers=[*FINE.answers, late])) == {"old answer"}
    assert judge(replace(FINE, acquisitions=taken, answers=[*FINE.answers, late._replace(at_s=5.9)])) == []


def test_an_answer_that_speaks_of_a_commit_is_true_whenever_it_comes_and_is_counted() -> None:
    taken = [TAKEN, Acquisition(6.0, "node-2", SHARD, EPOCH + 1)]
    late = Answers(6.1, "node-1", SHARD, EPOCH, 3, committed=True)
    evidence = replace(FINE, acquisitions=taken, answers=[*FINE.answers, late])
    assert judge(evidence) == []
    assert (late_answers(evidence), late_answers(FINE)) == (3, 0)


@pytest.mark.parametrize(
    ("upgraded_s", "found"), [(None, {"too new"}), (5.6, {"too new"}), (5.4, set())], ids=["never", "later", "before"]
)
def test_a_version_that_a_node_which_is_there_cannot_read_is_too_new(upgraded_s: float | None, found: set[str]) -> None:
    newer = [*FINE.stored[:-1], stored(5)._replace(version=2)]
    assert rules(replace(FINE, stored=newer, upgraded_s=upgraded_s)) == found


def test_a_node_that_does_not_show_what_was_acknowledged_gives_a_stale_look() -> None:
    assert rules(replace(FINE, looks=[Look(SESSION, DEVICE, "node-2", 9.0, (3,))])) == {"stale look"}


@pytest.mark.parametrize(
    "answer",
    [
        replace(sent(6), status=500),
        replace(sent(6), status=409),
        replace(sent(6), status=503, come_back=False),
        replace(sent(6), status=503, told_s=25.0),
    ],
    ids=["500", "409", "come-back", "late"],
)
def test_what_no_phone_may_be_told_is_complained_of(answer: Exchange) -> None:
    assert rules(replace(FINE, exchanges=[*FINE.exchanges, answer])) == {"unexpected answer"}


def rules(evidence: Evidence) -> set[str]:
    found: list[Complaint] = judge(evidence)
    return {complaint.rule for complaint in found}
