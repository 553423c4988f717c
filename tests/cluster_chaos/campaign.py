"""Faults one after the other on one deployment, what phones felt of each, and a look at everything in between."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tests.cluster_chaos.checks import Checked, Checks
from tests.cluster_chaos.deployment import Deployment
from tests.cluster_chaos.faults import STOCK, Fault, Maker, round_of
from tests.cluster_chaos.history import Exchange
from tests.cluster_chaos.judge import LATER, Complaint

FIRST_ANSWERS = 20


@dataclass(frozen=True)
class Felt:
    """What phones felt of one fault, until all of them were served again.

    Attributes:
        kind: Of the fault.
        acknowledged: Things sent and acknowledged meanwhile.
        refused: Answers that told a phone to come back later.
        lost: Requests without an answer.
        without_s: Longest time for any phone without an acknowledgement.
        answer_s: Longest time that a phone waited for any answer.
    """

    kind: str
    acknowledged: int
    refused: int
    lost: int
    without_s: float
    answer_s: float


@dataclass
class Campaign:
    """What was done so far, and what was found."""

    deployment: Deployment
    tell: Callable[[str], None]
    felt: list[Felt] = field(default_factory=list)
    looks: list[Checked] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Wait until people train, and until workers have made the tables of the views."""
        self._checks = Checks(self.deployment)
        self.deployment.wait_for(self.deployment.schema_rests, "there are views", 120.0)
        began_s = time.monotonic()
        self.deployment.wait_until_whole()
        enough = f"{FIRST_ANSWERS} things are acknowledged"
        phones = self.deployment.phones
        self.deployment.wait_for(lambda: phones.acknowledged_since(began_s) >= FIRST_ANSWERS, enough, 60.0)

    @property
    def complaints(self) -> list[Complaint]:
        """What broke a rule, each once, though it is found at every later look."""
        return list(dict.fromkeys(complaint for look in self.looks for complaint in look.complaints))

    def run(self, fault: Fault) -> Felt:
        """Do it, and wait until everything is whole and all phones are served."""
        self.tell(f"{fault.kind}: {fault.what} …")
        began_s = time.monotonic()
        fault.inject(self.deployment)
        self.deployment.wait_until_whole()
        felt = felt_by(fault.kind, self.deployment.phones.since(began_s), began_s, time.monotonic())
        self.felt.append(felt)
        self.tell(f"  {felt.acknowledged} acknowledged, {felt.without_s:.1f} s without for a phone at most")
        return felt

    def look(self, *, rebuild: bool = True) -> Checked:
        """Stop the people, and look at everything."""
        self.tell("  looking at everything …")
        self.deployment.pause_people()
        checked = self._checks.everything(rebuild=rebuild)
        self.looks.append(checked)
        self.tell(f"  {checked.acknowledged} acknowledged, {checked.stored} stored, {checked.late} answered late")
        for complaint in checked.complaints:
            self.tell(f"  FOUND {complaint.rule}: {complaint.words}")
        return checked

    def rounds(self, seconds: float, chance: random.Random, stock: tuple[Maker, ...] = STOCK) -> None:
        """Round after round of a whole stock, with a look after each, until the time is over; it may end early."""
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            for fault in round_of(stock, chance):
                self.run(fault)
                if time.monotonic() > end_s:
                    break
            self.look()
            if time.monotonic() < end_s:
                self.deployment.resume_people()


def felt_by(kind: str, exchanges: Sequence[Exchange], since_s: float, until_s: float) -> Felt:
    """What the exchanges of some time say."""
    without = 0.0
    for phone in {one.phone for one in exchanges}:
        told = sorted(one.told_s for one in exchanges if one.phone == phone and one.acknowledged)
        marks = [since_s, *told, max(until_s, *told, since_s)]
        without = max(without, *(later - earlier for earlier, later in pairwise(marks)))
    return Felt(
        kind,
        sum(one.acknowledged for one in exchanges),
        sum(one.status in LATER for one in exchanges),
        sum(one.status == 0 for one in exchanges),
        without,
        max((one.told_s - one.sent_s for one in exchanges), default=0.0),
    )
