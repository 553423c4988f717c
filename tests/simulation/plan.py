"""What goes wrong in one run. Each seed turns some faults on and others off, so that they meet in many combinations."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Plan:
    """Chances (0 to 1) and times (ms) of one run; nothing goes wrong after `healed_ms`."""

    users: int
    blocking: bool
    two_owners: bool
    second_survives: bool
    commit_fails: float
    commit_unknown_applied: float
    commit_unknown_lost: float
    commit_unknown_late: float
    commit_events: int
    store_fails: float
    acquire_unknown: float
    recovery_fails: float
    snapshot_lost: float
    forget_fails: float
    crash_before_forgetting: float
    message_lost: float
    message_doubled: float
    crashes: int
    pauses: int
    slow_network_ms: int
    slow_store_ms: int
    resident_entities: int
    healed_ms: int = 15_000


def plan_of(rng: Random) -> Plan:
    """Draw a plan."""

    def sometimes(chance: float, most: float) -> float:
        return rng.random() * most if rng.random() < chance else 0.0

    return Plan(
        users=rng.randint(1, 4),
        blocking=rng.random() < 0.5,
        two_owners=rng.random() < 0.5,
        second_survives=rng.random() < 0.5,
        commit_fails=sometimes(0.3, 0.2),
        commit_unknown_applied=sometimes(0.5, 0.2),
        commit_unknown_lost=sometimes(0.4, 0.2),
        commit_unknown_late=sometimes(0.5, 0.2),
        commit_events=rng.choice((5, 1_000)),
        store_fails=sometimes(0.3, 0.2),
        acquire_unknown=sometimes(0.3, 0.3),
        recovery_fails=sometimes(0.2, 0.2),
        snapshot_lost=sometimes(0.5, 0.8),
        forget_fails=sometimes(0.3, 0.5),
        crash_before_forgetting=sometimes(0.3, 0.8),
        message_lost=sometimes(0.5, 0.2),
        message_doubled=sometimes(0.7, 0.4),
        crashes=rng.choice((0, 0, 1, 2, 4)),
        pauses=rng.choice((0, 0, 1, 2, 4)),
        slow_network_ms=rng.choice((1, 20, 200, 1_500)),
        slow_store_ms=rng.choice((1, 10, 60, 300)),
        resident_entities=rng.choice((1, 2, 4, 1_000)),
    )
