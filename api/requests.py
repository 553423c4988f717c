"""What clients send as JSON. Fields that are not named here are refused: a misspelt one must not be lost in silence."""

from __future__ import annotations

from typing import Annotated

import msgspec
from kinelog.api.parameters import MAX_UNIX_MS, USER_PATTERN
from kinelog.domain import values
from kinelog.domain.identifiers import DEVICE_PATTERN, GYM_PATTERN, SESSION_PATTERN
from kinelog.domain.values import AgeGroup, Proficiency, Purpose, Role, Sex, Source
from msgspec import UNSET, Meta, UnsetType

UnixMs = Annotated[int, Meta(ge=0, le=MAX_UNIX_MS, description="Unix milliseconds.")]
Fraction = Annotated[float, Meta(ge=0, le=1)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
DeviceName = Annotated[str, Meta(pattern=f"^{DEVICE_PATTERN.pattern}$")]
GymId = Annotated[str, Meta(pattern=f"^{GYM_PATTERN.pattern}$")]
SessionId = Annotated[str, Meta(pattern=f"^{SESSION_PATTERN.pattern}$")]
UserName = Annotated[str, Meta(pattern=f"^{USER_PATTERN.pattern}$")]
Repetitions = Annotated[int, Meta(ge=0, le=1_000)]
Kilograms = Annotated[float, Meta(ge=0, le=1_000)]
Seconds = Annotated[float, Meta(ge=0, le=86_400)]
FrameCount = Annotated[int, Meta(ge=0, le=0xFFFF_FFFF)]
Text = Annotated[str, Meta(max_length=2_000)]
Exercise = Annotated[str, Meta(min_length=1, max_length=200, description="type:group[,group]/name[@station]")]


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all bodies."""


class ProfileFields(Request, frozen=True, kw_only=True):
    """What a person tells about themselves; everything may be left out."""

    age_group: AgeGroup | None = None
    sex: Sex | None = None
    proficiency: Proficiency | None = None
    height_cm: Annotated[float, Meta(ge=50, le=272)] | None = None
    weight_kg: Annotated[float, Meta(ge=20, le=400)] | None = None

    def profile(self) -> values.Profile:
        """The domain's profile."""
        return values.Profile(self.age_group, self.sex, self.proficiency, self.height_cm, self.weight_kg)


class RegisterUserRequest(Request, frozen=True, kw_only=True):
    """Make a person known."""

    profile: ProfileFields | None = None


class ConsentsRequest(Request, frozen=True, kw_only=True):
    """All purposes the person consents to; what is not named is withdrawn."""

    purposes: Annotated[tuple[Purpose, ...], Meta(max_length=16)]


class FeedbackRequest(Request, frozen=True, kw_only=True):
    """A rating of a suggestion or a session."""

    rating: Annotated[int, Meta(ge=1, le=5)]
    subject: Name = "session"
    session: SessionId | None = None
    text: Text = ""


class PushTargetRequest(Request, frozen=True, kw_only=True):
    """Where a device can be notified; null for nowhere."""

    target: Annotated[str, Meta(min_length=1, max_length=2_048)] | None


class StartSessionRequest(Request, frozen=True, kw_only=True):
    """Start a session. Sent again with the same content it changes nothing."""

    started_at_ms: UnixMs
    gym: GymId | None = None
    plan: Name | None = None
    groups: Annotated[tuple[Annotated[str, Meta(max_length=64)], ...], Meta(max_length=16)] = ()
    intensity: Fraction | None = None


class LabelRequest(Request, frozen=True, kw_only=True):
    """Say that a set was done in an interval.

    `label_id` (the phone's own) makes a repeated request harmless; without it equal content is the same label.
    """

    start_ms: UnixMs
    end_ms: UnixMs
    exercise: Exercise
    source: Source | None = None
    repetitions: Repetitions | None = None
    weight_kg: Kilograms | None = None
    intensity: Fraction | None = None
    rest_s: Seconds | None = None
    confidence: Fraction | None = None
    label_id: Annotated[str, Meta(min_length=1, max_length=100)] | None = None

    def label(self) -> values.SetLabel:
        """The domain's label."""
        return values.SetLabel(self.exercise, self.repetitions, self.weight_kg, self.intensity, self.rest_s)


class CorrectSetRequest(Request, frozen=True, kw_only=True):
    """Correct a set: fields that are left out stay as they are, null means unknown."""

    exercise: Exercise | UnsetType = UNSET
    repetitions: Repetitions | UnsetType | None = UNSET
    weight_kg: Kilograms | UnsetType | None = UNSET
    intensity: Fraction | UnsetType | None = UNSET
    rest_s: Seconds | UnsetType | None = UNSET
    deleted: bool = False
    source: Source | None = None

    def applied_to(self, label: values.SetLabel) -> values.SetLabel:
        """The label with the given fields replaced."""
        fields = ("exercise", "repetitions", "weight_kg", "intensity", "rest_s")
        given = {name: getattr(self, name) for name in fields if getattr(self, name) is not UNSET}
        return msgspec.structs.replace(label, **given)


class EndSessionRequest(Request, frozen=True, kw_only=True):
    """End a session.

    `frames` says how many frames (numbered from 0) each device made; with `final` it ends in spite of gaps.
    """

    frames: Annotated[dict[DeviceName, FrameCount], Meta(max_length=64)] | None = None
    final: bool = False
    ended_at_ms: UnixMs | None = None


class AbandonSessionRequest(Request, frozen=True, kw_only=True):
    """Give a session up."""

    reason: Name = "asked"


class PairDeviceRequest(Request, frozen=True, kw_only=True):
    """Redeem a pairing code."""

    code: Annotated[str, Meta(min_length=1, max_length=64)]
    device: DeviceName
    kind: DeviceName


class RefreshTokenRequest(Request, frozen=True, kw_only=True):
    """Replace a device token."""

    refresh_token: Annotated[str, Meta(min_length=1, max_length=256)]


class CreateTokenRequest(Request, frozen=True, kw_only=True):
    """Create a token for an operator or engineer; devices get theirs by pairing."""

    role: Role
    note: Annotated[str, Meta(max_length=200)] = ""
    expires_at_ms: UnixMs | None = None


class StationFields(Request, frozen=True, kw_only=True):
    """Equipment at a place: which exercises it offers, its weights in kg, its beacon."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    exercises: Annotated[tuple[Exercise, ...], Meta(max_length=64)] = ()
    minimum_kg: Kilograms | None = None
    step_kg: Kilograms | None = None
    maximum_kg: Kilograms | None = None
    beacon: Name | None = None


class GymRequest(Request, frozen=True, kw_only=True):
    """Create or replace a gym; its IANA time zone decides what a day is."""

    name: Name
    time_zone: Annotated[str, Meta(min_length=1, max_length=64)]
    stations: Annotated[tuple[StationFields, ...], Meta(max_length=1_000)] = ()

    def gym(self) -> values.Gym:
        """The domain's gym."""
        stations = tuple(
            values.Station(
                station.name, station.exercises, station.minimum_kg, station.step_kg, station.maximum_kg, station.beacon
            )
            for station in self.stations
        )
        return values.Gym(self.name, self.time_zone, stations)


class WebhookRequest(Request, frozen=True, kw_only=True):
    """Where the tenant's own server is told, and what signatures are made with; the secret is never shown again."""

    url: Annotated[str, Meta(min_length=1, max_length=2_048)]
    secret: Annotated[str, Meta(min_length=24, max_length=200, pattern="^[ -~]*$")]


class NoFields(Request, frozen=True, kw_only=True):
    """An empty object."""
