"""Values that commands, events and views share."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class AgeGroup(StrEnum):
    """Age in decades; the exact age is nobody's business."""

    UNDER_20 = "under-20"
    TWENTIES = "20s"
    THIRTIES = "30s"
    FORTIES = "40s"
    FIFTIES = "50s"
    SIXTIES_AND_OVER = "60-and-over"


class Sex(StrEnum):
    """As the person says."""

    FEMALE = "female"
    MALE = "male"
    OTHER = "other"


class Proficiency(StrEnum):
    """As the person says."""

    BEGINNER = "beginner"
    INTERMEDIATE = "intermediate"
    ADVANCED = "advanced"


class Purpose(StrEnum):
    """What a person can consent to."""

    TRAINING_MODELS = "training-models"
    SHARED_MODELS = "shared-models"
    TRAINER_ACCESS = "trainer-access"


class Source(StrEnum):
    """Who says that a set was done."""

    DEVICE = "device"
    PERSON = "person"
    TRAINER = "trainer"


class Role(StrEnum):
    """What the bearer of a token may do; `device` tokens are bound to one person and device."""

    DEVICE = "device"
    OWNER = "owner"
    TRAINER = "trainer"
    FRONT_DESK = "front-desk"
    ENGINEER = "engineer"


class Profile(msgspec.Struct, frozen=True, array_like=True):
    """What a person tells about themselves. All optional; height in cm, weight in kg."""

    age_group: AgeGroup | None = None
    sex: Sex | None = None
    proficiency: Proficiency | None = None
    height_cm: float | None = None
    weight_kg: float | None = None


class SetLabel(msgspec.Struct, frozen=True, array_like=True):
    """What a set was.

    Attributes:
        exercise: `type:group[,group]/name[@station]`.
        repetitions: None when unknown.
        weight_kg: None when unknown or without weight.
        intensity: 0 to 1, or None.
        rest_s: Rest after the set in seconds, or None.
    """

    exercise: str
    repetitions: int | None = None
    weight_kg: float | None = None
    intensity: float | None = None
    rest_s: float | None = None


class Station(msgspec.Struct, frozen=True, array_like=True):
    """Equipment at a place: which exercises it offers and its weights in kg."""

    name: str
    exercises: tuple[str, ...] = ()
    minimum_kg: float | None = None
    step_kg: float | None = None
    maximum_kg: float | None = None
    beacon: str | None = None


class Gym(msgspec.Struct, frozen=True, array_like=True):
    """A place; its IANA time zone decides what a day is."""

    name: str
    time_zone: str
    stations: tuple[Station, ...] = ()


class MissingRange(msgspec.Struct, frozen=True, array_like=True):
    """Frames that never came: sequence numbers `first` to `last`, both included."""

    first: int
    last: int
