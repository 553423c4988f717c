"""Memory of people in memory: each with an open session of 60 received frames; and what an hour of one device adds.

    python -m benchmarks.resident_users [--users 100000]

The real shard machines take the real commands; the store acknowledges and forgets, so that what is measured is what
the shards hold. The peer is the budget: 800 MB for 100 000 people, and 40 KB for an hour at a frame a second.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
import tracemalloc
import uuid

import psutil
from kinelog.actors import effects, messages
from kinelog.actors.messages import Message, Pending
from kinelog.actors.shard_machine import ShardMachine
from kinelog.codecs.values import Format
from kinelog.domain.commands import Command, IncomingFrame, RecordFrames, RegisterUser, StartSession
from kinelog.domain.decider import initial
from kinelog.domain.identifiers import Person, shard_of
from kinelog.domain.limits import DEFAULT_LIMITS

SHARDS = 16
FRAMES = 60
HOUR = 3_600
BUDGET_BYTES = 800_000_000
BUDGET_USERS = 100_000
BUDGET_HOUR_BYTES = 40_000
START_MS = 1_700_000_000_000
ENTROPY = bytes(16)


class ForgetfulStore:
    """Shards over a store that says yes and keeps nothing."""

    def __init__(self) -> None:
        self.machines = [ShardMachine(shard, DEFAULT_LIMITS) for shard in range(SHARDS)]
        for machine in self.machines:
            self._run(machine, messages.Start())

    def ask(self, person: Person, *commands: Command) -> None:
        """Give a person's commands to their shard."""
        machine = self.machines[shard_of(person, SHARDS)]
        self._run(
            machine, messages.Submitted([Pending(person, command, number) for number, command in enumerate(commands)])
        )

    def _run(self, machine: ShardMachine, message: Message) -> None:
        work = [message]
        while work:
            for effect in machine.step(work.pop(), START_MS, ENTROPY):
                match effect:
                    case effects.Acquire():
                        work.append(messages.Acquired(1, 0))
                    case effects.Restore():
                        work.append(messages.Restored({}, (), 0))
                    case effects.Recover():
                        work.append(messages.Recovered(effect.entity, effect.recovery, initial(effect.entity), 0))
                    case effects.Commit():
                        work.append(messages.Committed(effect.after + len(effect.events)))
                    case effects.ProveOwnership():
                        work.append(messages.Owned())
                    case _:
                        pass


def frames(session: str, person: int, first: int, count: int) -> RecordFrames:
    """Frames that differ from person to person: one packed sample behind a gfs header each."""
    return RecordFrames(
        at_ms=START_MS,
        session=session,
        frames=tuple(
            IncomingFrame(
                "watch",
                sequence,
                bytes((0xAD, 1, 50, 5, 0)) + (person & 0xFFFFFF).to_bytes(3, "big") + bytes((sequence & 0xFF, 0)),
                Format.GFS,
                START_MS + 1_000 * sequence,
            )
            for sequence in range(first, first + count)
        ),
    )


def fill(store: ForgetfulStore, users: int) -> None:
    """Let everybody train for a minute."""
    for number in range(users):
        person = Person("demo", f"{number:032x}")
        session = str(uuid.UUID(int=number))
        store.ask(
            person,
            RegisterUser(at_ms=START_MS),
            StartSession(at_ms=START_MS, session=session, started_at_ms=START_MS),
            frames(session, number, 0, FRAMES),
        )


def hour_bytes() -> int:
    """What an hour of one device adds to a session that has begun: bytes."""
    store = ForgetfulStore()
    fill(store, 1)
    person, session = Person("demo", f"{0:032x}"), str(uuid.UUID(int=0))
    gc.collect()
    tracemalloc.start()
    for sequence in range(FRAMES, FRAMES + HOUR):
        store.ask(person, frames(session, 0, sequence, 1))
    gc.collect()
    added, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return added


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--users", type=int, default=BUDGET_USERS)
    users: int = parser.parse_args().users
    process = psutil.Process()
    fill(ForgetfulStore(), 100)  # what the code itself takes is not counted
    store = ForgetfulStore()
    gc.collect()
    before = process.memory_info().rss
    started = time.perf_counter()
    fill(store, users)
    took = time.perf_counter() - started
    gc.collect()
    used = process.memory_info().rss - before
    resident = sum(len(machine.residents) for machine in store.machines)
    budget = BUDGET_BYTES * users / BUDGET_USERS
    print(
        f"{users} users, {resident} entities, {users * FRAMES} frames in {took:.0f} s (Python {sys.version.split()[0]})"
    )
    print(f"resident: {used / 1e6:.0f} MB, {used / users:.0f} bytes a user; {used / budget:.2f} of the budget")
    hour = hour_bytes()
    print(f"an hour of one device adds {hour} bytes; {hour / BUDGET_HOUR_BYTES:.2f} of the budget")


if __name__ == "__main__":
    main()
