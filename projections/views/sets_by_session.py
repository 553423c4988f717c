"""`sets_by_session`: what was detected and what it was corrected to, kept apart."""

from __future__ import annotations

from kinelog.domain.events import Event, SetCorrected, SetLabelled
from kinelog.domain.values import SetLabel
from kinelog.projections.fold import Origin, Rows, view
from kinelog.projections.rows import SetRow
from kinelog.projections.tables import Record, Table


class StoredSet(Record):
    """One set."""

    number: int
    version: int
    start_ms: int
    end_ms: int
    detected: SetLabel
    corrected: SetLabel | None
    source: str
    corrected_by: str | None
    confidence: float | None
    deleted: int


SETS = Table("sets_by_session", StoredSet, key=("entity", "number"))


def fold(rows: Rows, at: Origin, event: Event) -> None:
    """A label makes a set; a correction never touches what was detected."""
    if isinstance(event, SetLabelled):
        rows.put(
            SETS,
            StoredSet(
                entity=at.entity,
                number=event.number,
                version=1,
                start_ms=event.start_ms,
                end_ms=event.end_ms,
                detected=event.label,
                corrected=None,
                source=event.source.value,
                corrected_by=None,
                confidence=event.confidence,
                deleted=0,
            ),
        )
    elif isinstance(event, SetCorrected):
        stored = rows.of(SETS, at.entity).get((at.entity, event.number))
        if stored is None:  # of a deleted session
            return
        stored.version = event.version
        stored.corrected = event.label
        stored.corrected_by = event.source.value
        stored.deleted = int(event.deleted)
        rows.put(SETS, stored)


def row_of(stored: StoredSet) -> SetRow:
    """The set as readers see it."""
    return SetRow(
        number=stored.number,
        version=stored.version,
        start_ms=stored.start_ms,
        end_ms=stored.end_ms,
        detected=_fields(stored.detected),
        corrected=None if stored.corrected is None else _fields(stored.corrected),
        source=stored.source,
        corrected_by=stored.corrected_by,
        confidence=stored.confidence,
        deleted=bool(stored.deleted),
    )


def _fields(label: SetLabel) -> dict[str, object]:
    return {
        "exercise": label.exercise,
        "repetitions": label.repetitions,
        "weight_kg": label.weight_kg,
        "intensity": label.intensity,
        "rest_s": label.rest_s,
    }


SETS_BY_SESSION = view("sets_by_session", 1, (SETS,), (SetLabelled, SetCorrected), fold)
