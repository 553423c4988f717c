"""`labels_by_exercise`: every labelled interval under the exercise that it now counts as: what models are fitted to."""

from __future__ import annotations

from kinelog.domain.events import Event, SetCorrected, SetLabelled
from kinelog.domain.values import SetLabel, Source
from kinelog.projections.fold import Origin, Rows, view
from kinelog.projections.rows import LabelRow
from kinelog.projections.tables import Record, Table


class StoredLabel(Record):
    """A labelled interval. A deleted set keeps its row, marked: a later correction may bring it back."""

    tenant: str
    exercise: str
    number: int
    start_ms: int
    end_ms: int
    label: SetLabel
    source: str
    confirmed: int
    confidence: float | None
    deleted: int


LABELS = Table("labels_by_exercise", StoredLabel, key=("tenant", "exercise", "entity", "number"))


def fold(rows: Rows, at: Origin, event: Event) -> None:
    """A label makes a row; a correction moves it to the exercise it names."""
    if isinstance(event, SetLabelled):
        confirmed = int(event.source is not Source.DEVICE)
        rows.put(
            LABELS,
            StoredLabel(
                entity=at.entity,
                tenant=at.names.tenant,
                exercise=event.label.exercise,
                number=event.number,
                start_ms=event.start_ms,
                end_ms=event.end_ms,
                label=event.label,
                source=event.source.value,
                confirmed=confirmed,
                confidence=event.confidence,
                deleted=0,
            ),
        )
    elif isinstance(event, SetCorrected):
        key = (at.names.tenant, event.was.exercise, at.entity, event.number)
        stored = rows.of(LABELS, at.entity).get(key)
        if stored is None:
            return
        rows.drop(LABELS, stored)
        stored.exercise = event.label.exercise
        stored.label = event.label
        stored.source = event.source.value
        stored.confirmed = 1
        stored.deleted = int(event.deleted)
        rows.put(LABELS, stored)


def row_of(stored: StoredLabel) -> LabelRow:
    """The label as readers see it."""
    _, person, session = stored.entity.split("/", 2)
    return LabelRow(
        person=person,
        session=session,
        number=stored.number,
        exercise=stored.exercise,
        start_ms=stored.start_ms,
        end_ms=stored.end_ms,
        repetitions=stored.label.repetitions,
        weight_kg=stored.label.weight_kg,
        intensity=stored.label.intensity,
        source=stored.source,
        confirmed=bool(stored.confirmed),
        confidence=stored.confidence,
    )


LABELS_BY_EXERCISE = view("labels_by_exercise", 1, (LABELS,), (SetLabelled, SetCorrected), fold)
