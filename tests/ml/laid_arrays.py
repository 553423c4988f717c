"""A scope's arrays of examples that are in memory, laid down as a night does it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from kinelog.ml.array_writing import ArrayWriter
from kinelog.ml.examples import SetExample, dataset_of
from kinelog.ml.fit_data import FitData
from kinelog.ml.night_data import laid_down, offered_of


def laid_arrays(
    folder: Path, examples: Sequence[SetExample], folds: Iterable[int], sites: tuple[str, ...], labels: tuple[str, ...]
) -> FitData:
    """Through a data set on disk, person by person; `folds` are those of `examples`."""
    data = laid_down(offered_of(dataset_of(examples)), folder)
    fold_of = {example.key: fold for example, fold in zip(examples, folds, strict=True)}
    writer = ArrayWriter(folder, data.sets, [fold_of[one.key] for one in data.sets], sites, labels)
    for _, own in data.people(writer.people):
        writer.put(own)
    return writer.finish()
