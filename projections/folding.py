"""One generation of one view in memory: folds batches of opened events, sets aside what cannot be folded."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kinelog.codecs.errors import CodecError
from kinelog.domain.events import Event, SessionDeleted, UserErased
from kinelog.projections.fold import Origin, View, owner_of
from kinelog.projections.opening import Opened
from kinelog.projections.row_buffer import RowBuffer
from kinelog.projections.view_store import Batch, Generation, Offset, Parking, Released, ViewStore

Chunks = Mapping[int, Sequence[Opened]]
"""Opened events by shard, in log order."""


@dataclass
class _Pass:
    """What one run through a batch found.

    Attributes:
        held: Persons whose events wait from here on; an erasure ends that.
        failures: What failed first for each person, erased since or not.
        spoiled: A fold failed half-way: what is in the buffer must not be written.
    """

    parked: list[Parking] = field(default_factory=list)
    held: dict[str, Parking] = field(default_factory=dict)
    failures: dict[str, Parking] = field(default_factory=dict)
    spoiled: bool = False
    owners: set[str] = field(default_factory=set)
    erased: dict[str, Origin] = field(default_factory=dict)

    def hold(self, shard: int, opened: Opened, error: str) -> None:
        """Park an event, and let its person's later ones wait."""
        parking = Parking(shard, opened.position, opened.entity, opened.owner, error)
        self.parked.append(parking)
        self.held[opened.owner] = parking
        self.failures[opened.owner] = parking


class Folding:
    """A generation that is being folded. Not for several threads."""

    def __init__(self, store: ViewStore, view: View, generation: Generation) -> None:
        """Read where the generation stands."""
        self.view = view
        self.generation = generation
        self._store = store
        self._troubles: tuple[type[Exception], ...] = (*store.trouble, MemoryError)
        self._stored = store.rows(view, generation)
        self.buffer = RowBuffer(view, self._stored)
        self.offsets: dict[int, Offset] = {}
        self._waiting: set[str] = set()
        self._touched: set[int] = set()
        self.reload()

    def reload(self) -> None:
        """Read offsets and parked events again; forget rows that somebody else may have changed.

        Offsets first: whoever parks an event does so before they move the offset beyond it.
        """
        offsets = self._store.offsets(self.generation)
        if any(offsets.get(shard) != self.offsets.get(shard) for shard in self._touched):
            self.buffer.reset()
        self.offsets = offsets
        self._waiting = self._store.parked_owners(self.generation)

    def stranded(self) -> list[str]:
        """Persons whose events wait behind none that has failed: it was folded by somebody else meanwhile."""
        first: dict[str, str | None] = {}
        for row in self._store.parked(self.generation) if self._waiting else ():
            first.setdefault(owner_of(row.entity), row.error)
        return sorted(owner for owner, error in first.items() if error is None)

    def position(self, shard: int) -> int:
        """How far a shard is folded."""
        offset = self.offsets.get(shard)
        return 0 if offset is None else offset.position

    def fold(self, chunks: Chunks) -> Batch:
        """Fold a batch without writing it; follow with `written`, or start anew.

        An event that cannot be folded is parked, and so is everything of the same person behind it, so that their
        events stay in order. Nobody else's rows depend on theirs. A failed fold may have left rows half changed, so the
        batch is then folded again from the start, knowing what to park.
        """
        known: dict[str, Parking] = {}
        self._stored.fetch(self._concerned(chunks))
        self.buffer.prepare(o.event for events in chunks.values() for o in events if o.event is not None)
        outcome = self._run(chunks, known)
        while outcome.spoiled:
            self.buffer.reset()
            known |= outcome.failures
            outcome = self._run(chunks, known)
        based_on = {shard: self.offsets[shard] for shard, events in chunks.items() if events}
        positions = {shard: max(self.position(shard), chunks[shard][-1].position) for shard in based_on}
        return Batch(
            generation=self.generation,
            buffer=self.buffer,
            based_on=based_on,
            positions=positions,
            owners=outcome.owners,
            parked=outcome.parked,
            erased=outcome.erased,
        )

    def replay(self, shard: int, owner: str, events: Sequence[Opened]) -> Batch:
        """Fold one person's parked events again, in their order, without writing them; offsets stay.

        Whatever still fails, and everything behind it, is parked in the batch again.
        """
        self._waiting.discard(owner)
        reached = self.offsets[shard]
        self.offsets[shard] = Offset(0, reached.revision)
        batch = self.fold({shard: events})
        self.offsets[shard] = reached
        return replace(
            batch,
            based_on={shard: reached},
            positions={shard: reached.position},
            released=[Released(owner, shard, opened.position) for opened in events],
        )

    def written(self, batch: Batch) -> None:
        """The batch is in the store."""
        for shard, position in batch.positions.items():
            self.offsets[shard] = self._store.moved(self.offsets[shard], position)
        self._touched.update(batch.positions)
        self._waiting |= {parking.owner for parking in batch.parked}
        self._waiting -= batch.erased.keys()
        self.buffer.written()

    def _run(self, chunks: Chunks, known: Mapping[str, Parking]) -> _Pass:
        outcome = _Pass()
        listens = self.view.events
        noticed = {*listens, SessionDeleted, UserErased, None}
        applied = self._stored.applied
        for shard, events in chunks.items():
            if noticed.isdisjoint(opened.kind for opened in events):
                continue  # most views in most batches: frames are nearly all there is
            folded_to = self.position(shard)
            for opened in events:
                position, _, owner, event, error, kind = opened
                if position <= folded_to or (event is None and error is None):
                    continue
                if kind in listens or kind is SessionDeleted or event is None:
                    if position <= applied(opened.entity):
                        continue  # in the rows already: their offset was not written, or is somebody else's
                    outcome.owners.add(owner)
                    troubled = error is not None or known or self._waiting or outcome.held
                    if troubled and self._must_wait(shard, opened, outcome, known):
                        continue
                    failure = self._try(Origin(opened.entity, shard, position), event)
                    if failure is not None:
                        outcome.spoiled = True
                        outcome.hold(shard, opened, failure)
                elif kind is UserErased:
                    self._forget_person(outcome, owner, Origin(opened.entity, shard, position))
        return outcome

    def _concerned(self, chunks: Chunks) -> set[str]:
        """Entities whose rows the batch may need."""
        listens = self.view.events
        return {
            opened.entity
            for shard, events in chunks.items()
            for opened in events
            if (opened.kind in listens or opened.kind is SessionDeleted) and opened.position > self.position(shard)
        }

    def _forget_person(self, outcome: _Pass, owner: str, at: Origin) -> None:
        self.buffer.at = at
        self.buffer.forget(owner)
        outcome.erased[owner] = at
        outcome.held.pop(owner, None)
        outcome.parked = [parking for parking in outcome.parked if parking.owner != owner]

    def _must_wait(self, shard: int, opened: Opened, outcome: _Pass, known: Mapping[str, Parking]) -> bool:
        """Park an event that cannot be folded as far as is known, or that waits behind one of its person."""
        owner = opened.owner
        if owner in self._waiting or owner in outcome.held:
            outcome.parked.append(Parking(shard, opened.position, opened.entity, owner, None))
            return True
        failure = known.get(owner) if known else None
        if failure is not None and failure.position == opened.position and failure.error is not None:
            outcome.hold(shard, opened, failure.error)
            return True
        if opened.error is not None:
            outcome.hold(shard, opened, opened.error)
            return True
        return False

    def _try(self, at: Origin, event: Event | None) -> str | None:
        """Fold one event; what went wrong, if anything did."""
        self.buffer.at = at
        try:
            if type(event) is SessionDeleted and SessionDeleted not in self.view.events:
                self.buffer.forget(at.entity)
            elif event is not None:
                self.view.fold(self.buffer, at, event)
        except self._troubles:  # the store's or the machine's trouble, not the event's
            raise
        except Exception as error:  # noqa: BLE001  # whatever a defect raises, it may stop one person's rows only
            return describe(error)
        return None


def describe(error: Exception) -> str:
    """What went wrong and where, without any value of the event: messages of foreign errors may quote it."""
    if isinstance(error, CodecError):
        return f"{error.code} at byte {error.offset}"
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(frame.filename).name}:{frame.lineno} ({frame.name})"
