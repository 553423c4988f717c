"""One shard's queue, simulated: requests come by chance, one commit is in flight, what comes meanwhile is the next.

The rules are the shard's own: bounded mailbox, a commit takes what waits up to its bounds, everybody is answered after
it. Only time is made up: a commit of `k` events takes `fixed_ms + k * event_ms`, times a log-normal factor.
"""

from __future__ import annotations

import math
import random
from collections import deque
from dataclasses import dataclass

COMMIT_COMMANDS = 1_024
COMMIT_EVENTS = 2_900
"""Of 360 bytes sealed: what a mebibyte holds."""
MAILBOX = 4_096
SPREAD = 0.35


@dataclass(frozen=True, slots=True)
class CommitTime:
    """How long a commit takes, in milliseconds."""

    fixed_ms: float
    event_ms: float


@dataclass(frozen=True, slots=True)
class Queued:
    """What happened to a shard's requests.

    Attributes:
        p50_ms, p99_ms: From a request's coming to its answer.
        events_a_commit: Mean.
        commits_per_second: While it lasted.
        busy: Share of time with a commit in flight.
        turned_away: Share of requests that found the mailbox full (429).
    """

    p50_ms: float
    p99_ms: float
    events_a_commit: float
    commits_per_second: float
    busy: float
    turned_away: float


def simulate(
    requests_per_second: float, frames_a_request: int, time: CommitTime, requests: int = 20_000, seed: int = 1
) -> Queued:
    """Let so many requests come to one shard."""
    chance = random.Random(seed)
    waiting: deque[float] = deque()
    latencies: list[float] = []
    now_ms, free_at_ms, busy_ms, commits, events, refused = 0.0, 0.0, 0.0, 0, 0, 0
    most = min(COMMIT_COMMANDS, max(1, COMMIT_EVENTS // frames_a_request))
    answered: list[float] = []

    def begin(at_ms: float) -> float:
        nonlocal busy_ms, commits, events, answered
        answered = [waiting.popleft() for _ in range(min(most, len(waiting)))]
        count = len(answered) * frames_a_request
        took = (time.fixed_ms + count * time.event_ms) * math.exp(chance.gauss(0.0, SPREAD) - SPREAD**2 / 2)
        busy_ms, commits, events = busy_ms + took, commits + 1, events + count
        return at_ms + took

    for _ in range(requests):
        now_ms += chance.expovariate(requests_per_second / 1_000.0)
        while answered and free_at_ms <= now_ms:
            latencies += [free_at_ms - came for came in answered]
            answered = []
            if waiting:
                free_at_ms = begin(free_at_ms)
        if len(waiting) + len(answered) >= MAILBOX:
            refused += 1
            continue
        waiting.append(now_ms)
        if not answered:
            free_at_ms = begin(now_ms)
    latencies.sort()
    return Queued(
        p50_ms=_at(latencies, 0.5),
        p99_ms=_at(latencies, 0.99),
        events_a_commit=events / max(1, commits),
        commits_per_second=1_000.0 * commits / now_ms,
        busy=min(1.0, busy_ms / now_ms),
        turned_away=refused / requests,
    )


def most_requests_per_second(frames_a_request: int, time: CommitTime, within_ms: float) -> float:
    """What one shard takes so that 99 of 100 requests are answered within a time, and none is turned away."""
    low, high = 1.0, 1.0
    while _holds(high, frames_a_request, time, within_ms) and high < 1e6:
        low, high = high, 2 * high
    for _ in range(12):
        middle = (low + high) / 2
        if _holds(middle, frames_a_request, time, within_ms):
            low = middle
        else:
            high = middle
    return low


def _holds(rate: float, frames_a_request: int, time: CommitTime, within_ms: float) -> bool:
    found = simulate(rate, frames_a_request, time, requests=12_000)
    return found.p99_ms <= within_ms and not found.turned_away


def _at(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else math.inf
