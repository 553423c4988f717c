"""What the shards of a process did, written down from beside them: which epochs they took, and what they answered.

A line a fact, by the machine's one monotonic clock, in a file that outlives `kill -9`. An acquisition is dated after it
held; an answer before it was let out: so an answer that is dated after a later acquisition was let out after it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple, cast

from kinelog.actors import effects, messages
from kinelog.actors.answers import Accepted, Answer
from kinelog.actors.effect_runner import EffectRunner
from kinelog.journal.errors import JournalError

from tests.cluster_chaos.replaced_parts import replace_part

ACQUIRED = "acquired"
ANSWERED = "answered"

Note = Callable[..., None]
"""Writes facts on a line."""


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
    commit_ended, reply = EffectRunner._commit_ended, EffectRunner._reply

    def ended(runner: EffectRunner, outcome: int | JournalError) -> None:
        if isinstance(outcome, int):
            committed[runner.machine.shard] = outcome
        commit_ended(runner, outcome)

    def replied(runner: EffectRunner, effect: effects.Reply) -> None:
        machine = runner.machine
        accepted = _accepted(cast("Iterable[tuple[object, Answer]]", effect.answers))
        if accepted:
            by_commit = committed.pop(machine.shard, None) == accepted[-1].at.position
            proof = "commit" if by_commit else "ownership"
            write(ANSWERED, time.monotonic(), machine.shard, machine._epoch, len(accepted), proof)
        reply(runner, effect)

    replace_part(EffectRunner, "_commit_ended", ended)
    replace_part(EffectRunner, "_reply", replied)


def _accepted(answers: Iterable[tuple[object, Answer]]) -> list[Accepted]:
    return [answer for _, answer in answers if isinstance(answer, Accepted)]
