"""What the shards of a process did, written down from beside them: which epochs they took, and what they answered.

A line a fact, by the machine's one monotonic clock, in a file that outlives `kill -9`. An acquisition is dated after it
held, an answer before its lease was looked at: so an answer that is dated after a later acquisition left after it.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from kinelog.actors import effects, messages
from kinelog.actors.answers import Accepted, Answer
from kinelog.actors.effect_runner import EffectRunner
from kinelog.actors.lease import Lease
from kinelog.journal.errors import JournalError

from tests.cluster_chaos.replaced_parts import replace_part

ACQUIRED = "acquired"
ANSWERED = "answered"

Note = Callable[..., None]
"""Writes facts on a line."""
Answered = list[tuple[object, Answer]]


class Acquisition(NamedTuple):
    """A shard was taken by an epoch no later than this."""

    at_s: float
    node: str
    shard: int
    epoch: int


class Answers(NamedTuple):
    """Somebody was told that what they sent is accepted, no earlier than this.

    Attributes:
        accepted: How many.
        committed: Whether the answers speak of a commit; else of states that were held to be the newest.
    """

    at_s: float
    node: str
    shard: int
    epoch: int
    accepted: int
    committed: bool


def read(node: str, file: Path) -> tuple[list[Acquisition], list[Answers]]:
    """What a node's processes wrote down so far."""
    acquisitions, answers = list[Acquisition](), list[Answers]()
    if file.exists():
        whole, _, _unfinished = file.read_text().rpartition("\n")
        for line in whole.splitlines():
            what, at_s, shard, epoch, *more = line.split("\t")
            if what == ACQUIRED:
                acquisitions.append(Acquisition(float(at_s), node, int(shard), int(epoch)))
            else:
                answers.append(Answers(float(at_s), node, int(shard), int(epoch), int(more[0]), more[1] == "commit"))
    return acquisitions, answers


def install(path: str) -> None:
    """Have every shard of this process write down what it does."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(*facts: object) -> None:
        os.write(file, ("\t".join(map(str, facts)) + "\n").encode())

    _note_acquisitions(note)
    _note_answers(note)


def _note_acquisitions(write: Note) -> None:
    acquire = EffectRunner._acquire

    def acquired(runner: EffectRunner, effect: effects.Acquire) -> messages.Message:
        message = acquire(runner, effect)
        if isinstance(message, messages.Acquired):
            write(ACQUIRED, time.monotonic(), runner.machine.shard, message.epoch)
        return message

    replace_part(EffectRunner, "_acquire", acquired)


def _note_answers(write: Note) -> None:
    committed: dict[int, int] = {}
    due: dict[int, tuple[Accepted, int, str]] = {}
    commit_ended, reply, allowed = EffectRunner._commit_ended, EffectRunner._reply, Lease.allowed

    def ended(runner: EffectRunner, outcome: int | JournalError) -> None:
        if isinstance(outcome, int):
            committed[runner.machine.shard] = outcome
        commit_ended(runner, outcome)

    def replied(runner: EffectRunner, effect: effects.Reply) -> None:
        machine = runner.machine
        accepted = _accepted(effect.answers)
        if accepted:
            by_commit = committed.pop(machine.shard, None) == accepted[-1].at.position
            for answer in accepted:  # kept, so that nothing else gets its identity meanwhile
                due[id(answer)] = (answer, machine._epoch, "commit" if by_commit else "ownership")
        reply(runner, effect)

    def let_out(lease: Lease, answers: Answered) -> Answered:
        before_s = time.monotonic()
        leaving = allowed(lease, answers)
        found = [due.pop(id(answer), None) for answer in _accepted(leaving)]
        facts = Counter((answer.at.shard, epoch, proof) for answer, epoch, proof in filter(None, found))
        for (shard, epoch, proof), count in facts.items():
            write(ANSWERED, before_s, shard, epoch, count, proof)
        return leaving

    replace_part(EffectRunner, "_commit_ended", ended)
    replace_part(EffectRunner, "_reply", replied)
    replace_part(Lease, "allowed", let_out)


def _accepted(answers: Answered) -> list[Accepted]:
    return [answer for _, answer in answers if isinstance(answer, Accepted)]
