"""Exercises: how they are named, and what is typical of the common ones.

An exercise is named `type:group[,group]/name[@station]`, e.g. `resistanceTargeted:arms/biceps-curl@cable-2`.
"""

from __future__ import annotations

import re
from enum import StrEnum

import msgspec
from kinelog.domain.common_exercises import COMMON

MAX_BYTES = 200
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")


class ExerciseType(StrEnum):
    """What kind of movement an exercise is."""

    RESISTANCE_TARGETED = "resistanceTargeted"
    RESISTANCE_WHOLE_BODY = "resistanceWholeBody"
    INDOORS_CARDIO = "indoorsCardio"


class MuscleGroup(StrEnum):
    """What an exercise is for."""

    ARMS = "arms"
    BACK = "back"
    CHEST = "chest"
    CORE = "core"
    LEGS = "legs"
    SHOULDERS = "shoulders"


_TYPES = frozenset(kind.value for kind in ExerciseType)
_GROUPS = frozenset(group.value for group in MuscleGroup)


class ExerciseNameError(ValueError):
    """Text that does not name an exercise.

    Attributes:
        code: Stable name of the case: `exercise-too-long`, `exercise-no-type`, `exercise-unknown-type`,
            `exercise-no-name`, `exercise-unknown-group`, `exercise-repeated-group`, `exercise-bad-name`,
            `exercise-bad-station`.
        position: Index of the first character at fault.
        detail: What was found and what was expected.
    """

    def __init__(self, code: str, position: int, detail: str) -> None:
        """Remember the case and the place."""
        super().__init__(f"{code} at character {position}: {detail}")
        self.code = code
        self.position = position
        self.detail = detail


class Exercise(msgspec.Struct, frozen=True, array_like=True):
    """A name, taken apart.

    Attributes:
        type: What kind of movement.
        groups: Muscle groups, at least one, none twice, in the order given.
        name: The exercise itself.
        station: Where it is done, or None.
    """

    type: ExerciseType
    groups: tuple[MuscleGroup, ...]
    name: str
    station: str | None = None

    def format(self) -> str:
        """The name as one string; `parse` gives the same exercise back."""
        at = "" if self.station is None else f"@{self.station}"
        return f"{self.type}:{','.join(self.groups)}/{self.name}{at}"


def parse(text: str) -> Exercise:
    """Take the name of an exercise apart.

    Raises:
        ExerciseNameError: With the case and the character.
    """
    if len(text) > MAX_BYTES:
        raise ExerciseNameError("exercise-too-long", MAX_BYTES, f"{len(text)} characters, at most {MAX_BYTES}")
    type_text, colon, rest = text.partition(":")
    if not colon:
        raise ExerciseNameError("exercise-no-type", len(text), "expected `type:groups/name`")
    if type_text not in _TYPES:
        raise ExerciseNameError("exercise-unknown-type", 0, f"one of {', '.join(ExerciseType)}, not {type_text!r}")
    groups_text, slash, rest = rest.partition("/")
    if not slash:
        raise ExerciseNameError("exercise-no-name", len(text), "expected `/name` after the groups")
    groups = _groups(groups_text, len(type_text) + 1)
    name, at, station = rest.partition("@")
    position = len(type_text) + len(groups_text) + 2
    if not _NAME.fullmatch(name):
        raise ExerciseNameError("exercise-bad-name", position, f"lower-case words joined by hyphens, not {name!r}")
    if at and not _NAME.fullmatch(station):
        position += len(name) + 1
        raise ExerciseNameError("exercise-bad-station", position, f"lower-case words and digits, not {station!r}")
    return Exercise(ExerciseType(type_text), groups, name, station if at else None)


def _groups(text: str, position: int) -> tuple[MuscleGroup, ...]:
    groups: list[MuscleGroup] = []
    for word in text.split(","):
        if word not in _GROUPS:
            detail = f"one of {', '.join(MuscleGroup)}, not {word!r}"
            raise ExerciseNameError("exercise-unknown-group", position, detail)
        group = MuscleGroup(word)
        if group in groups:
            raise ExerciseNameError("exercise-repeated-group", position, f"{word!r} is there twice")
        groups.append(group)
        position += len(word) + 1
    return tuple(groups)


class WeightProgression(msgspec.Struct, frozen=True):
    """Weights that an exercise is done with, in kg: from the lightest by steps to the heaviest."""

    minimum_kg: float
    step_kg: float
    maximum_kg: float

    def nearest(self, weight_kg: float) -> float:
        """The weight of the progression that is nearest to this one."""
        steps = round((min(max(weight_kg, self.minimum_kg), self.maximum_kg) - self.minimum_kg) / self.step_kg)
        return min(self.minimum_kg + steps * self.step_kg, self.maximum_kg)


class ExerciseProperties(msgspec.Struct, frozen=True):
    """What is typical of an exercise.

    Attributes:
        exercise: Its name, taken apart, without station.
        weights: None for exercises without weight.
        typical_duration_s: Of a set.
        repetition_s: Of one repetition (a stroke, a step).
    """

    exercise: Exercise
    weights: WeightProgression | None
    typical_duration_s: float
    repetition_s: float


def _catalogue() -> dict[str, ExerciseProperties]:
    entries = {}
    for text, weights, duration_s, repetition_s in COMMON:
        progression = None if weights is None else WeightProgression(*weights)
        exercise = parse(text)
        entries[exercise.name] = ExerciseProperties(exercise, progression, duration_s, repetition_s)
    return entries


CATALOGUE = _catalogue()
"""The exercises that every deployment knows, by their bare name."""


def properties_of(exercise: Exercise) -> ExerciseProperties | None:
    """What is typical of an exercise, or None when the catalogue does not hold it; its station does not matter."""
    entry = CATALOGUE.get(exercise.name)
    return entry if entry is not None and entry.exercise.type == exercise.type else None
