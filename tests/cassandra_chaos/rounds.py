"""Faults one after the other on one deployment, each followed by the checks, and what was measured meanwhile."""

from __future__ import annotations

import random
from collections.abc import Callable
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
            f"verify: {self.checked.verify}": not self.checked.verified,
            f"tables: {self.checked.tables}": not self.checked.tables_hold,
            f"a phone waited {self.longest_answer_s:.1f} s for an answer": self.longest_answer_s > LONGEST_ANSWER_S,
            f"{self.without_retry_after} answers did not say when to come back": self.without_retry_after > 0,
            f"memory grew by {self.memory_bytes} bytes": (self.memory_bytes or 0) > MOST_MORE_MEMORY_BYTES,
        }
        return [words for words, wrong in found.items() if wrong]


class Rounds:
    """Faults on one deployment."""

    def __init__(self, deployment: Deployment, tell: Callable[[str], None]) -> None:
        """Wait until people train there; `tell` is told what is being done."""
        self.deployment = deployment
        self._tell = tell
        self._checks = Checks(deployment)
        deployment.wait_for_answers(50)

    def run(self, fault: Fault, times: int = 1, *, rebuild: bool = True) -> Outcome:
        """Do a fault so often, looking at acknowledged frames each time; then look at everything."""
        deployment, service = self.deployment, self.deployment.service
        memory, logged = deployment.memory_bytes(), len(service.log)
        silence, answers = 0.0, list[Answered]()
        for number in range(1, times + 1):
            self._tell(f"{fault.name}{f', {number} of {times}' if times > 1 else ''} …")
            began_s = faults.injected(fault, deployment)
            silence = max(silence, deployment.phones.longest_silence_s(began_s))
            answers += deployment.phones.since(began_s)
            if number < times:
                self._tell(f"  {_in_words(self._checks.judged())}")
        same = deployment.service is service
        more = deployment.memory_bytes() - memory if same else None
        log_bytes = len(deployment.service.log) - (logged if same else 0)
        refused = [answer for answer in answers if answer.status in (429, 503)]
        self._tell("  looking at everything …")
        return Outcome(
            fault.name,
            times,
            self._checks.everything(rebuild=rebuild),
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


def suite_plan(chance: random.Random) -> list[tuple[Fault, int]]:
    """What the suite does: no quorum.

    A node killed or paused, and services killed on a real ring, it tries in a whole cluster (`tests/cluster_chaos`);
    the command does all of them to this single service.
    """
    first, second = chance.sample(range(3), 2)
    return [(faults.two_nodes_killed((first, second), 4.0), 1)]
