"""Published models on any folder of recordings: what they recognise, how sure they are, and what could not be judged.

Models are chosen by vocabulary and sensors (`published_models.py`), asked as a device asks them, and judged by set.
Whatever cannot be used is counted with its reason; nothing in a folder ends a score.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from kinelog.ml.examples import Dataset, SetExample, dataset_of
from kinelog.ml.published_models import PublishedModel, chosen_model
from kinelog.ml.recorded_sets import RecordingError
from kinelog.ml.recordings import Reading, available_recordings, read_recordings
from kinelog.ml.score_figures import Answers, window_score
from kinelog.ml.score_report import ModelUse, ScoreReport, WindowScore
from kinelog.ml.windows import BEFORE_THE_START, FIRST_SECOND, Placement, WindowSet, windows_of
from kinelog.phone.capture_files import CaptureError
from numpy.typing import NDArray

Progress = Callable[[int, int], None]
ANYWHERE = Placement(anywhere=True)


@dataclass(frozen=True, eq=False, slots=True)
class _Asked:
    """Examples of one recording and the model that is asked about them."""

    recording: str
    model: PublishedModel
    examples: tuple[SetExample, ...]
    truth: tuple[int, ...]
    negatives: tuple[SetExample, ...]
    unnamed: Counter[str]


def score_folder(
    models: Sequence[PublishedModel],
    folder: Path,
    names: Sequence[str] = (),
    progress: Progress = lambda _done, _total: None,
) -> ScoreReport:
    """Score models on recordings.

    Args:
        models: All that there are; which one is asked is decided for each recording.
        folder: Recordings, as `recordings.py` reads them.
        names: Which of them; all, when empty.
        progress: Told how many recordings are read, of how many.

    Raises:
        RecordingError: There is no such folder, no recording in it, or none of a name.
    """
    data, unreadable = _read(folder, names, progress)
    return score_dataset(models, data, unreadable)


def score_dataset(
    models: Sequence[PublishedModel], data: Dataset, unreadable: Mapping[str, str] | None = None
) -> ScoreReport:
    """Score models on examples that are read already.

    Args:
        models: All that there are; which one is asked is decided for each recording.
        data: The examples.
        unreadable: Recordings that should have been among them, with the reason.
    """
    asked: list[_Asked] = []
    unnamed: Counter[str] = Counter()
    without_model = 0
    for recording, examples in _alike(data.examples):
        labelled = [example for example in examples if example.label is not None]
        model = chosen_model(models, labelled) if labelled else None
        if model is None:
            without_model += len(labelled)
        else:
            asked.append(_asked(recording, model, examples))
            unnamed.update(asked[-1].unnamed)
    return ScoreReport(
        dataset=data.sha256,
        sets=sum(example.label is not None for example in data.examples),
        judged=sum(len(one.examples) for one in asked),
        unnamed=dict(unnamed),
        without_model=without_model,
        refused=dict(data.dropped),
        unreadable=dict(unreadable or {}),
        models=tuple(_use(one) for one in asked),
        windows=_windows(asked),
    )


def _read(folder: Path, names: Sequence[str], progress: Progress) -> tuple[Dataset, dict[str, str]]:
    """All that can be read, together, since a set may be in two recordings; and why the rest cannot."""
    there = available_recordings(folder)
    if not there:
        raise RecordingError(f"{folder}: no NAME.json with NAME.npz, and no folder of *.raw captures")
    for name in names:
        if name not in there:
            raise RecordingError(f"{folder}: no recording {name!r}; there are {', '.join(there)}")
    wanted = tuple(names or there)
    unreadable: dict[str, str] = {}
    try:
        return read_recordings(folder, Reading(names=wanted), progress), unreadable
    except (RecordingError, CaptureError):
        for name in wanted:
            try:
                read_recordings(folder, Reading(names=(name,)))
            except (RecordingError, CaptureError) as error:
                unreadable[name] = str(error)
    good = tuple(name for name in wanted if name not in unreadable)
    return read_recordings(folder, Reading(names=good), progress) if good else dataset_of(()), unreadable


def _alike(examples: Sequence[SetExample]) -> list[tuple[str, list[SetExample]]]:
    """Examples of one recording, with the same sites and the same profile, together: they have the same model."""
    groups: dict[tuple[object, ...], list[SetExample]] = defaultdict(list)
    for example in examples:
        recording = example.key.partition("/")[0]
        groups[recording, example.sites, example.age_group, example.sex, example.proficiency].append(example)
    return [(str(key[0]), together) for key, together in groups.items()]


def _asked(recording: str, model: PublishedModel, examples: Sequence[SetExample]) -> _Asked:
    named: list[SetExample] = []
    truth: list[int] = []
    negatives: list[SetExample] = []
    unnamed: Counter[str] = Counter()
    for example in examples:
        seen = model.seen(example)
        label = None if example.label is None else model.label_of(example)
        if seen is None:
            raise AssertionError(
                f"{model.scope.path} was chosen for sites {example.sites} that it cannot be asked about"
            )
        if example.label is None:
            negatives.append(seen)
        elif label is None:
            unnamed[example.label] += 1
        else:
            named.append(seen)
            truth.append(label)
    return _Asked(recording, model, tuple(named), tuple(truth), tuple(negatives), unnamed)


def _use(one: _Asked) -> ModelUse:
    model = one.model
    return ModelUse(
        model.scope.path, model.version, model.blob, model.labels, one.recording, len(one.examples),
        one.unnamed.total(),
    )  # fmt: skip


def _windows(asked: Sequence[_Asked]) -> tuple[WindowScore, ...]:
    if not any(one.examples for one in asked):
        return ()
    labels = tuple(sorted({label for one in asked for label in one.model.labels}))
    found = []
    for placement in (FIRST_SECOND, *BEFORE_THE_START):
        parts = [_answers(one, placement, labels) for one in asked if one.examples]
        is_first = placement is FIRST_SECOND
        negatives = [_of_negatives(one) for one in asked if one.negatives] if is_first else []
        found.append(window_score(_name(placement), placement.end_ms, parts, labels, negatives))
    return tuple(found)


def _name(placement: Placement) -> str:
    return "first second" if placement is FIRST_SECOND else f"end {placement.end_ms / 1000:+.1f} s"


def _answers(one: _Asked, placement: Placement, labels: tuple[str, ...]) -> Answers:
    """What a model says of windows, in the columns of all labels."""
    cut = windows_of(one.examples, placement, sites=one.model.scope.sensors, partial=one.model.masked)
    probabilities, decided = _evaluated(one.model, cut)
    columns = np.array([labels.index(label) for label in one.model.labels])
    spread = np.zeros((len(probabilities), len(labels)))
    spread[:, columns] = probabilities
    own = [one.examples[number] for number in cut.example.tolist()]
    return Answers(
        truth=columns[np.array(one.truth, np.int64)[cut.example]],
        probabilities=spread,
        decided=np.where(decided < 0, -1, columns[decided]),
        people=[example.person for example in own],
        sessions=[f"{example.person}/{example.session}" for example in own],
        recordings=[one.recording] * len(own),
        rates=[f"{round(example.source_rate_hz)} Hz" for example in own],
        left_out=cut.left_out,
    )


def _of_negatives(one: _Asked) -> NDArray[np.int64]:
    """Decisions on windows in which nothing was labelled."""
    cut = windows_of(one.negatives, ANYWHERE, sites=one.model.scope.sensors, partial=one.model.masked)
    return _evaluated(one.model, cut)[1]


def _evaluated(model: PublishedModel, cut: WindowSet) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    probabilities = np.zeros((len(cut.windows), len(model.labels)))
    decided = np.full(len(cut.windows), -1, np.int64)
    for present in np.unique(cut.present).tolist():
        at = cut.present == present
        said = model.evaluator.evaluate(cut.windows[at], present)
        probabilities[at], decided[at] = said.probabilities, said.decision
    return probabilities, decided
