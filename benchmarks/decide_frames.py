"""What deciding one frame costs, and what a resident session weighs, against their limits.

Run with `python benchmarks/decide_frames.py`. Decoding is left out (it has a benchmark of its own): every frame is
taken for a good one. Time is given as a multiple of hashing the same frame once with BLAKE2b, which no decision about
repetitions can do without, so that the number means the same on any machine.
"""

from __future__ import annotations

import gc
import hashlib
import time
import tracemalloc
from unittest import mock

from kinelog.codecs import frames as codec
from kinelog.codecs.values import BlockSummary, DeviceKind, Format, FrameSummary, SensorKind
from kinelog.domain.commands import Command, IncomingFrame, RecordFrames, RegisterUser, StartSession
from kinelog.domain.decider import Decision, State, decide, evolve, initial, needs
from kinelog.domain.identifiers import Person
from kinelog.domain.limits import DEFAULT_LIMITS

USERS = 300
FRAMES_OF_A_USER = 60
FRAMES_OF_AN_HOUR = 3_600
BYTES_OF_A_USER = 8_000
BYTES_OF_AN_HOUR = 40_000
STARTED_AT_MS = 1_700_000_000_000
SUMMARY = FrameSummary(Format.AE, 1, DeviceKind.PEBBLE, (BlockSummary(SensorKind.ACCELEROMETER, "left-wrist", 50, 50),))

States = dict[str, State]


def pretend_summarize(_data: bytes, _format: Format | None = None) -> FrameSummary:
    """Every frame is good; a mock object would cost more than the decision."""
    return SUMMARY


def do(states: States, person: Person, command: Command) -> None:
    """Load, decide, evolve: what a shard does, without the journal."""
    while lacking := [name for name in needs(person, command, states) if name not in states]:
        states.update((name, initial(name)) for name in lacking)
    decided = decide(person, command, states, DEFAULT_LIMITS)
    assert isinstance(decided, Decision), decided
    for name, event in decided.events:
        states[name] = evolve(states[name], event)


def session_of_user(number: int) -> tuple[Person, str]:
    """A person and the id of their session, in strings of their own as they come from the network."""
    return Person("acme", f"{number:032x}"), f"00000000-0000-4000-8000-{number:012x}"


def train(states: States, number: int, frames: int) -> float:
    """Send a session's frames one by one; the seconds that the frames took."""
    person, session = session_of_user(number)
    do(states, person, RegisterUser(at_ms=STARTED_AT_MS))
    do(states, person, StartSession(at_ms=STARTED_AT_MS, session=session, started_at_ms=STARTED_AT_MS))
    commands = [
        RecordFrames(
            at_ms=STARTED_AT_MS + 1_000 * sequence,
            session=session,
            frames=(IncomingFrame(str(b"watch", "ascii"), sequence, sequence.to_bytes(270, "big")),),
        )
        for sequence in range(frames)
    ]
    began = time.perf_counter()
    for command in commands:
        do(states, person, command)
    return time.perf_counter() - began


def bytes_of(users: int, frames: int) -> float:
    """What the states of a user and their session take in memory, on average."""
    tracemalloc.start()
    states: States = {}
    for number in range(users):
        train(states, number, frames)
    gc.collect()
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return taken / users


def seconds_of_one_hash() -> float:
    """Hashing one frame, the best of many."""
    data = bytes(270)
    best = float("inf")
    for _ in range(50):
        began = time.perf_counter()
        for _ in range(1_000):
            hashlib.blake2b(data, digest_size=8).digest()
        best = min(best, time.perf_counter() - began)
    return best / 1_000


def main() -> None:
    """Measure and print."""
    with mock.patch.object(codec, "summarize", pretend_summarize):
        frame_s = min(train({}, number, FRAMES_OF_AN_HOUR) for number in range(3)) / FRAMES_OF_AN_HOUR
        user_bytes = bytes_of(USERS, FRAMES_OF_A_USER)
        hour_bytes = bytes_of(1, FRAMES_OF_AN_HOUR) - bytes_of(1, 0)
    hashes = frame_s / seconds_of_one_hash()
    print(f"decide and evolve one frame: {frame_s * 1e6:.1f} us = {hashes:.1f} x one BLAKE2b of it")
    print(
        f"a user with a session of {FRAMES_OF_A_USER} frames: {user_bytes:.0f} bytes "
        f"= {user_bytes / BYTES_OF_A_USER:.2f} x the limit of {BYTES_OF_A_USER}"
    )
    print(
        f"an hour of one device: {hour_bytes:.0f} bytes "
        f"= {hour_bytes / BYTES_OF_AN_HOUR:.2f} x the limit of {BYTES_OF_AN_HOUR}"
    )


if __name__ == "__main__":
    main()
