"""The entities that a shard has in memory: committed states only, least recently used first."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from kinelog.domain.decider import State
from kinelog.domain.identifiers import Person, person_of


class Resident:
    """One entity in memory: its committed state, the sequence of its last event, when it was used last (ms)."""

    __slots__ = ("sequence", "snapshot_sequence", "state", "used_ms")

    def __init__(self, state: State, sequence: int, snapshot_sequence: int, used_ms: int) -> None:
        self.state = state
        self.sequence = sequence
        self.snapshot_sequence = snapshot_sequence
        self.used_ms = used_ms


class Residents:
    """A plain dictionary, since its order of insertion is the order of use: whatever is used moves to the end."""

    __slots__ = ("_entities",)

    def __init__(self) -> None:
        self._entities: dict[str, Resident] = {}

    def __len__(self) -> int:
        return len(self._entities)

    def __contains__(self, entity: object) -> bool:
        return entity in self._entities

    def __iter__(self) -> Iterator[str]:
        return iter(self._entities)

    def get(self, entity: str) -> Resident | None:
        """The entity, if it is in memory."""
        return self._entities.get(entity)

    def items(self) -> Iterator[tuple[str, Resident]]:
        """All entities, least recently used first."""
        return iter(self._entities.items())

    def put(self, entity: str, resident: Resident) -> None:
        """Take an entity into memory, as the most recently used."""
        self._entities[entity] = resident

    def publish(self, entity: str, state: State, sequence: int) -> Resident | None:
        """Replace the state of an entity by what was committed; None if its person was erased meanwhile."""
        resident = self._entities.get(entity)
        if resident is not None:
            resident.state = state
            resident.sequence = sequence
        return resident

    def touch(self, entity: str, now_ms: int) -> None:
        """Note that an entity is used."""
        resident = self._entities.pop(entity)
        resident.used_ms = now_ms
        self._entities[entity] = resident

    def passivate(self, unused_since_ms: int, limit: int, busy: Collection[Person]) -> int:
        """Let go of entities not used since then, and of the least recently used beyond the limit; not of the busy's.

        Returns:
            How many left.
        """
        surplus = len(self._entities) - limit
        leaving: list[str] = []
        for entity, resident in self._entities.items():
            if resident.used_ms > unused_since_ms and len(leaving) >= surplus:
                break
            if not busy or person_of(entity) not in busy:
                leaving.append(entity)
        for entity in leaving:
            del self._entities[entity]
        return len(leaving)

    def drop_person(self, person: Person) -> None:
        """Let go of everything of a person."""
        own = person.persistence_id
        sessions = own + "/"
        for entity in [entity for entity in self._entities if entity == own or entity.startswith(sessions)]:
            del self._entities[entity]

    def clear(self) -> None:
        """Let go of everything: another owner may have written."""
        self._entities.clear()
