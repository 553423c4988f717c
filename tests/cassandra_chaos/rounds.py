"""Faults one after the other on one deployment, each followed by the checks, and what was measured meanwhile."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.cassandra_chaos import faults
from tests.cassandra_chaos.checks import Checked, Checks
from tests.cassandra_chaos.deployment import Deployment
from tests.cassandra_chaos.faults import Fault
from tests.cassandra_chaos.history import Judgement
from tests.cassandra_chaos.phones import Answered

LONGEST_ANSWER_S = 15.0
MOST_MORE_MEMORY_BYTES = 200 << 20


@dataclass(frozen=True)
class Outcome:
    """What a fault did.

    Attributes:
        fault: Its name.
        times: How often it was done before this look.
        checked: What was found afterwards.
        without_service_s: Longest time for any phone without an acknowledged frame.
        longest_answer_s: Longest time that a phone waited for any answer.
        refused: Answers 503 and 429; `without_retry_after` of them did not say when to come back.
        memory_bytes: By how much the service's memory grew; None where it was started again.
        log_bytes: What the service logged meanwhile.
    """

    fault: str
    times: int
    checked: Checked
    without_service_s: float
    longest_answer_s: float
    refused: int
    without_retry_after: int
    memory_bytes: int | None
    log_bytes: int

    @property
    def complaints(self) -> list[str]:
        """What is not as it must be, in words; nothing if all is well."""
        judgement = self.checked.judgement
        found = {
            f"lost: {judgement.lost[:5]}": bool(judgement.lost),
            f"doubled: {judgement.doubled[:5]}": bool(judgement.doubled),
            f"verify: {self.checked.verify}": self.checked.verify != "sound",
            f"tables: {self.checked.tables}": self.checked.tables != "equal",
            f"a phone waited {self.longest_answer_s:.1f} s for an answer": self.longest_answer_s > LONGEST_ANSWER_S,
            f"{self.without_retry_after} answers did not say when to come back": self.without_retry_after > 0,
            f"memory grew by {self.memory_bytes} bytes": (self.memory_bytes or 0) > MOST_MORE_MEMORY_BYTES,
        }
        return [words for words, wrong in found.items() if wrong]


def run(deployment: Deployment, planned: list[tuple[Fault, int]], tell: Callable[[str], None]) -> Iterator[Outcome]:
    """Do the faults in order.

    Args:
        deployment: People train there.
        planned: Faults, and how often each is done before everything is looked at; acknowledged frames are looked at
            each time.
        tell: Told what is being done.
    """
    checks = Checks(deployment)
    deployment.wait_for_answers(100)
    for fault, times in planned:
        tell(f"{fault.name}{f' ({times} times)' if times > 1 else ''} …")
        yield _done(deployment, checks, fault, times, tell)


def _done(deployment: Deployment, checks: Checks, fault: Fault, times: int, tell: Callable[[str], None]) -> Outcome:
    memory, pid = deployment.memory_bytes(), deployment.service.process.pid
    logged = len(deployment.service.log)
    silence, answers = 0.0, list[Answered]()
    for number in range(times):
        began_s = faults.injected(fault, deployment)
        silence = max(silence, deployment.phones.longest_silence_s(began_s))
        answers += deployment.phones.since(began_s)
        if number + 1 < times:
            judgement = checks.judged()
            tell(f"  {number + 1} of {times}: {_in_words(judgement)}")
            if not judgement.sound:
                break
    tell("  looking at everything …")
    same = deployment.service.process.pid == pid
    more = deployment.memory_bytes() - memory if same else None
    log_bytes = len(deployment.service.log) - (logged if same else 0)
    refused = [answer for answer in answers if answer.status in (429, 503)]
    return Outcome(
        fault.name,
        times,
        checks.everything(),
        silence,
        max((answer.seconds for answer in answers), default=0.0),
        len(refused),
        sum(not answer.retry_after for answer in refused),
        more,
        log_bytes,
    )


def _in_words(judgement: Judgement) -> str:
    lost, doubled = len(judgement.lost), len(judgement.doubled)
    return f"{judgement.acknowledged} acknowledged, {judgement.stored} stored, {lost} lost, {doubled} doubled"


def full_plan(rounds: int, kills: int, chance: random.Random) -> list[tuple[Fault, int]]:
    """Every fault, `rounds` times; the service is killed `kills` times in all."""
    plan: list[tuple[Fault, int]] = []
    for number in range(rounds):
        first, second, third = chance.sample(range(3), 3)
        plan += [
            (faults.node_killed(first, 8.0), 1),
            (faults.node_paused(second, 10.0), 1),
            (faults.two_nodes_killed((second, third), 15.0), 1),
            (faults.two_nodes_paused((first, third), 10.0), 1),
        ]
        share = kills // rounds + (number < kills % rounds)
        if share:
            plan.append((faults.service_killed(chance), share))
    return plan


def short_plan(chance: random.Random) -> list[tuple[Fault, int]]:
    """Each kind of fault once, briefly."""
    first, second, third = chance.sample(range(3), 3)
    return [
        (faults.service_killed(chance), 3),
        (faults.node_paused(third, 4.0), 1),
        (faults.node_killed(first, 2.0), 1),
        (faults.two_nodes_killed((second, third), 4.0), 1),
    ]
