"""Folding a batch into several views and writing it; what cannot be written is set aside like what cannot be folded."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from kinelog.projections import metrics
from kinelog.projections.folding import Chunks, Folding, describe
from kinelog.projections.opening import Opened
from kinelog.projections.view_store import Batch, Parking, Write

logger = logging.getLogger(__name__)

UNWRITABLE = (OverflowError, ValueError, TypeError)
"""What the store raises for a value that no column can hold: an integer of more than 64 bits, a broken character."""


def fold_and_write(foldings: Sequence[Folding], chunks: Chunks, write: Write) -> list[Batch]:
    """Fold a batch into every view and write all of it in one transaction.

    If a value in it cannot be stored, the events are written one by one, and the one at fault is parked in every view:
    a row that the store refuses must not stop everybody else's.

    Returns:
        What was written.

    Raises:
        ViewsMovedError: Somebody else was faster; nothing (more) was written, and the foldings are stale.
    """
    try:
        return [*_write_together(foldings, chunks, write)]
    except UNWRITABLE:
        logger.exception("a batch holds a value that cannot be stored; its events are written one by one")
    written: list[Batch] = []
    for shard, events in chunks.items():
        for opened in events:
            for folding in foldings:
                folding.buffer.reset()
            try:
                written += _write_together(foldings, {shard: [opened]}, write)
            except UNWRITABLE as error:
                written += _park(foldings, shard, opened, error, write)
    return written


def _write_together(foldings: Sequence[Folding], chunks: Chunks, write: Write) -> list[Batch]:
    batches = [folding.fold(chunks) for folding in foldings]
    write(batches)
    _written(foldings, batches)
    return batches


def _park(foldings: Sequence[Folding], shard: int, opened: Opened, error: Exception, write: Write) -> list[Batch]:
    parking = Parking(shard, opened.position, opened.entity, opened.owner, describe(error))
    batches = []
    for folding in foldings:
        folding.buffer.reset()
        batch = folding.fold({shard: []})
        batch.based_on, batch.positions = {shard: folding.offsets[shard]}, {shard: opened.position}
        batch.parked.append(parking)
        batches.append(batch)
    write(batches)
    _written(foldings, batches)
    return batches


def _written(foldings: Sequence[Folding], batches: Sequence[Batch]) -> None:
    for folding, batch in zip(foldings, batches, strict=True):
        folding.written(batch)
        for parking in batch.parked:
            metrics.PARKED.labels(folding.view.name).inc()
            if parking.error is not None:
                logger.error(
                    "view %s: parked shard %d position %d: %s",
                    folding.view.name, parking.shard, parking.position, parking.error,
                )  # fmt: skip
