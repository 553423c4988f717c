"""The judge: pure rules that hold what phones were told, and what shards did, against what the log holds.

Each rule stands alone and names what breaks it; `test_judge.py` shows of each that it finds what it is for.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from tests.cluster_chaos.history import Exchange, Look, Named, Stored
from tests.cluster_chaos.witness import Acquisition, Answers

LATER = frozenset({429, 503})
LONGEST_ANSWER_S = 15.0


class Complaint(NamedTuple):
    """Something that may not be.

    Attributes:
        rule: Its name.
        words: What broke it.
    """

    rule: str
    words: str


@dataclass(frozen=True)
class Evidence:
    """Everything that is known of a run.

    Attributes:
        exchanges: What phones sent and were told; complete before the log was read.
        looks: What phones saw of their own sessions.
        stored: What the log holds of what phones send, in any order.
        acquisitions: Which epochs took which shards.
        answers: What shards answered.
        upgraded_s: When the last node of the old version had ended; None while there is one.
    """

    exchanges: Sequence[Exchange]
    stored: Sequence[Stored]
    looks: Sequence[Look] = ()
    acquisitions: Sequence[Acquisition] = ()
    answers: Sequence[Answers] = ()
    upgraded_s: float | None = None


def judge(evidence: Evidence) -> list[Complaint]:
    """All that breaks a rule."""
    return [Complaint(rule, words) for rule, finds in RULES.items() for words in finds(evidence)]


def lost(evidence: Evidence) -> Iterable[str]:
    """Acknowledged means stored."""
    held = {entry.named for entry in evidence.stored}
    for named in sorted({one.named for one in evidence.exchanges if one.acknowledged} - held):
        yield f"{_words(named)} was acknowledged and is not in the log"


def doubled(evidence: Evidence) -> Iterable[str]:
    """Stored means stored once, acknowledged or not."""
    for named, times in sorted(Counter(entry.named for entry in evidence.stored).items()):
        if times > 1:
            yield f"{_words(named)} is in the log {times} times"


def misplaced(evidence: Evidence) -> Iterable[str]:
    """Whoever is told a place in the log finds what they sent there or before it."""
    places = {entry.named: entry for entry in evidence.stored}
    for one in evidence.exchanges:
        entry = places.get(one.named)
        if entry is None or not one.acknowledged or one.position < 0:
            continue
        if entry.shard != one.shard or entry.position > one.position:
            told, found = f"{one.shard}:{one.position}", f"{entry.shard}:{entry.position}"
            yield f"{_words(one.named)} is at {found}, and {one.node} said up to {told}"


def out_of_order(evidence: Evidence) -> Iterable[str]:
    """What a person's phone was told is stored before it sent the next stands before the next."""
    places = {entry.named: entry for entry in evidence.stored}
    sent: dict[Named, float] = {}
    told: dict[Named, float] = {}
    for one in evidence.exchanges:
        sent[one.named] = min(sent.get(one.named, one.sent_s), one.sent_s)
        if one.acknowledged:
            told[one.named] = min(told.get(one.named, one.told_s), one.told_s)
    sessions: dict[str, list[Named]] = defaultdict(list)
    for named in told:
        if named in places:
            sessions[named.session].append(named)
    for of_session in sessions.values():
        by_told = sorted(of_session, key=lambda named: told[named])
        furthest, next_told = None, 0
        for named in sorted(of_session, key=lambda named: sent[named]):
            while next_told < len(by_told) and told[by_told[next_told]] < sent[named]:
                earlier = by_told[next_told]
                if furthest is None or places[earlier].position > places[furthest].position:
                    furthest = earlier
                next_told += 1
            if furthest is not None and places[named].position < places[furthest].position:
                yield f"{_words(named)} stands before {_words(furthest)}, which was acknowledged before it was sent"


def old_writers(evidence: Evidence) -> Iterable[str]:
    """No epoch writes behind a newer one, and none writes what was sent only after a newer one had the shard."""
    by_place = sorted(evidence.stored, key=lambda entry: (entry.shard, entry.position))
    for earlier, entry in pairwise(by_place):
        if earlier.shard == entry.shard and entry.epoch < earlier.epoch:
            yield f"shard {entry.shard}, position {entry.position}: epoch {entry.epoch} behind {earlier.epoch}"
    newest = _Newest(evidence.acquisitions)
    first_sent: dict[Named, float] = {}
    for one in evidence.exchanges:
        first_sent[one.named] = min(first_sent.get(one.named, one.sent_s), one.sent_s)
    for entry in evidence.stored:
        if entry.named in first_sent and entry.epoch < (owner := newest.at(entry.shard, first_sent[entry.named])):
            yield f"{_words(entry.named)} was written by epoch {entry.epoch} although {owner} had the shard before"


def old_answers(evidence: Evidence) -> Iterable[str]:
    """Nobody speaks for a shard from memory after a newer epoch took it.

    An answer that speaks of a commit is true whenever it comes, since the log decided whether that commit is; the other
    rules hold it against the log.
    """
    newest = _Newest(evidence.acquisitions)
    for one in evidence.answers:
        if not one.committed and one.epoch < (owner := newest.at(one.shard, one.at_s)):
            yield f"{one.node} spoke for shard {one.shard} under epoch {one.epoch} although {owner} had it before"


def late_answers(evidence: Evidence) -> int:
    """How many accepted commands were answered by an owner after a newer epoch took the shard, commits included."""
    newest = _Newest(evidence.acquisitions)
    return sum(one.accepted for one in evidence.answers if one.epoch < newest.at(one.shard, one.at_s))


def too_new(evidence: Evidence) -> Iterable[str]:
    """No event is written in a version that a node which is still there cannot read."""
    told: dict[Named, float] = {}
    for one in evidence.exchanges:
        if one.acknowledged:
            told[one.named] = min(told.get(one.named, one.told_s), one.told_s)
    for entry in evidence.stored:
        known_s = told.get(entry.named)
        if entry.version > 1 and known_s is not None and (evidence.upgraded_s is None or known_s < evidence.upgraded_s):
            yield f"{_words(entry.named)} was written in version {entry.version} before every node could read it"


def stale_looks(evidence: Evidence) -> Iterable[str]:
    """Whoever was told that a frame is stored sees it, on whatever node they look."""
    for look in evidence.looks:
        if look.absent:
            yield f"{look.node} did not show {look.device} {look.absent[0]} of {look.session}, acknowledged before"


def unexpected_answers(evidence: Evidence) -> Iterable[str]:
    """Whatever breaks, a good request is stored, or its phone is told when to come back, and soon."""
    for one in evidence.exchanges:
        if one.status and not one.acknowledged and one.status not in LATER:
            yield f"{one.node} answered {one.status} to {_words(one.named)}"
        if one.status in LATER and not one.come_back:
            yield f"{one.node} answered {one.status} to {_words(one.named)} and not when to come back"
        if one.told_s - one.sent_s > LONGEST_ANSWER_S:
            yield f"{one.node} let {_words(one.named)} wait {one.told_s - one.sent_s:.1f} s"


RULES: dict[str, Callable[[Evidence], Iterable[str]]] = {
    "lost": lost,
    "doubled": doubled,
    "misplaced": misplaced,
    "out of order": out_of_order,
    "old writer": old_writers,
    "old answer": old_answers,
    "too new": too_new,
    "stale look": stale_looks,
    "unexpected answer": unexpected_answers,
}


class _Newest:
    """The newest epoch that is known to have had a shard at a moment."""

    def __init__(self, acquisitions: Iterable[Acquisition]) -> None:
        self._moments: dict[int, list[float]] = defaultdict(list)
        self._epochs: dict[int, list[int]] = defaultdict(list)
        for one in sorted(acquisitions):
            epochs = self._epochs[one.shard]
            self._moments[one.shard].append(one.at_s)
            epochs.append(max(one.epoch, epochs[-1] if epochs else 0))

    def at(self, shard: int, moment_s: float) -> int:
        before = bisect_right(self._moments[shard], moment_s)
        return self._epochs[shard][before - 1] if before else 0


def _words(named: Named) -> str:
    return f"{named.device} {named.number} of {named.session}"
