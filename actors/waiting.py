"""Commands that wait for entities to be recovered: parked per person, so that nobody waits for somebody else."""

from __future__ import annotations

from collections import deque

from kinelog.actors.messages import Pending
from kinelog.domain.identifiers import Person, person_of


class Waiting:
    """Parked commands, and the recoveries they wait for.

    Once a person has a parked command, every later command of theirs is parked behind it: a person's commands are
    decided in the order in which they came. All entities that a command needs belong to its person, so one person's
    recoveries are all that a parked command can wait for.
    """

    def __init__(self, recoveries: int, per_person: int) -> None:
        self._recoveries = recoveries
        self._per_person = per_person
        self._parked: dict[Person, deque[Pending]] = {}
        self._wanted: dict[str, None] = {}
        self._running: dict[str, int] = {}
        self._missing: dict[Person, set[str]] = {}
        self._numbers = 0

    def __len__(self) -> int:
        return sum(len(parked) for parked in self._parked.values())

    def __contains__(self, person: object) -> bool:
        return person in self._parked

    @property
    def people(self) -> list[Person]:
        """Who has parked commands."""
        return list(self._parked)

    def park(self, pending: Pending) -> bool:
        """Park a command behind what its person has parked already; False if that is too much."""
        parked = self._parked.setdefault(pending.person, deque())
        if len(parked) >= self._per_person:
            return False
        parked.append(pending)
        return True

    def want(self, person: Person, entity: str) -> None:
        """Ask for an entity once, however many commands wait for it."""
        self._missing.setdefault(person, set()).add(entity)
        if entity not in self._running:
            self._wanted[entity] = None

    def start(self, epoch: int) -> list[tuple[str, int]]:
        """Entities to recover now, with the number of each recovery; never more at a time than the cap.

        The number holds the epoch: what an earlier life of this shard asked for is never taken for an answer.
        """
        started: list[tuple[str, int]] = []
        while self._wanted and len(self._running) < self._recoveries:
            entity = next(iter(self._wanted))
            del self._wanted[entity]
            self._numbers += 1
            self._running[entity] = recovery = (epoch << 40) + self._numbers
            started.append((entity, recovery))
        return started

    def finish(self, entity: str, recovery: int) -> bool:
        """Note the end of a recovery; False if it was given up meanwhile, and what it read must not be used."""
        if self._running.get(entity) != recovery:
            return False
        del self._running[entity]
        missing = self._missing.get(person_of(entity))
        if missing is not None:
            missing.discard(entity)
        return True

    def unpark(self, person: Person) -> deque[Pending]:
        """The person's parked commands once nothing of theirs is missing any more; else none."""
        if self._missing.get(person):
            return deque()
        self._missing.pop(person, None)
        return self._parked.pop(person, deque())

    def drop_person(self, person: Person) -> deque[Pending]:
        """Give up a person's recoveries; their parked commands."""
        for entity in self._missing.pop(person, set()):
            self._running.pop(entity, None)
            self._wanted.pop(entity, None)
        return self._parked.pop(person, deque())

    def clear(self) -> list[Pending]:
        """Give up every recovery; all parked commands, each person's in order."""
        commands = [pending for parked in self._parked.values() for pending in parked]
        self._parked.clear()
        self._wanted.clear()
        self._running.clear()
        self._missing.clear()
        return commands
