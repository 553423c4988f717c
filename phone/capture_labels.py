"""What `labels.txt` of a capture says about its sets, and what its holes mean.

A line is `file=group,exercise,variant,weight_kg,reps`. What is not known is written in several ways there; each is
turned into the absence that it means and counted, so that an import says what it made of them.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

UNLABELLED = "x"
_LINE = re.compile(r"([^=\s]+)=([^,]*),([^,]*),([^,]*),([^,]*),([^,]*)")
_GROUPS = frozenset({"arms", "back", "chest", "core", "legs", "shoulders"})
_CARDIO_GROUP = "aerobic"
_MUSCLES_OF_CARDIO = {"rowing": "back,legs", "cross-trainer": "legs,arms"}
_MUSCLES_OF_OTHER_CARDIO = "legs"
_MISSPELT = {"tricep-dips": "triceps-dips", "barbel-biceps-curl": "barbell-biceps-curl"}


@dataclass(frozen=True, slots=True)
class CaptureLabel:
    """What one set was.

    Attributes:
        exercise: `type:groups/name`; a variant is the end of the name (`twist` + `left;high` = `twist-left-high`),
            since with a watch on one wrist it is another movement.
        name: The exercise alone, without group and variant.
        weight_kg, repetitions: None when unknown.
    """

    exercise: str
    name: str
    weight_kg: float | None
    repetitions: int | None

    @property
    def groups(self) -> tuple[str, ...]:
        """Muscle groups."""
        return tuple(self.exercise.partition(":")[2].partition("/")[0].split(","))


@dataclass(frozen=True, slots=True)
class CaptureLabels:
    """All labels of a folder.

    Attributes:
        of_file: By name of the file.
        holes: How often each kind of hole was met.
    """

    of_file: dict[str, CaptureLabel]
    holes: Counter[str]


def read_labels(text: str, files: set[str]) -> CaptureLabels:
    """Read `labels.txt`.

    Args:
        text: Its content; empty is fine.
        files: Names of the files that are there, without `.raw`.
    """
    labels: dict[str, CaptureLabel] = {}
    holes: Counter[str] = Counter()
    named: set[str] = set()
    for line in filter(None, (line.strip() for line in text.splitlines())):
        match = _LINE.fullmatch(line)
        if match is None:
            holes["unreadable line"] += 1
            continue
        file, *fields = (field.strip() for field in match.groups())
        named.add(file)
        label = _label(fields, holes)
        if file not in files:
            holes["label without a file"] += 1
        elif label is not None:
            labels[file] = label
    holes["file without a label"] += len(files - named)
    return CaptureLabels(labels, +holes)


def _label(fields: list[str], holes: Counter[str]) -> CaptureLabel | None:
    group, name, variant, weight, repetitions = fields
    if UNLABELLED in (group, name) or not name:
        holes["exercise unknown (x,x)"] += 1
        return None
    if name in _MISSPELT:
        holes["name put right"] += 1
        name = _MISSPELT[name]
    exercise = _exercise(group, name, variant, holes)
    if exercise is None:
        return None
    weight_kg = _positive(weight)
    count = _positive(repetitions)
    holes["weight unknown"] += weight_kg is None
    holes["repetitions unknown"] += count is None
    return CaptureLabel(exercise, _words(name), weight_kg, None if count is None else round(count))


def _exercise(group: str, name: str, variant: str, holes: Counter[str]) -> str | None:
    if group == _CARDIO_GROUP:
        holes["aerobic taken as indoorsCardio"] += 1
        return f"indoorsCardio:{_MUSCLES_OF_CARDIO.get(name, _MUSCLES_OF_OTHER_CARDIO)}/{_words(name, variant)}"
    if group not in _GROUPS:
        holes["group unknown"] += 1
        return None
    return f"resistanceTargeted:{group}/{_words(name, variant)}"


def _words(name: str, variant: str = "") -> str:
    return re.sub(r"[^a-z0-9]+", "-", f"{name}-{variant}".lower()).strip("-")[:64].strip("-")


def _positive(text: str) -> float | None:
    """A number above zero; 0, -1 and what is no number mean unknown."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 < number <= 1000 else None
