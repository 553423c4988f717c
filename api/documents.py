"""What the interface answers as JSON. Times are Unix milliseconds; absent things are null."""

from __future__ import annotations

import msgspec
from kinelog.codecs.values import Format
from kinelog.domain.replies import FrameStatus
from kinelog.domain.values import AgeGroup, Proficiency, Purpose, Role, Sex, Source


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all answers."""


# ── writes ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Written(Document, frozen=True, kw_only=True):
    """It holds now; `changed` is false when it held already. `position` is what to pass as `min_position`."""

    changed: bool
    position: str


class FrameAnswer(Document, frozen=True, kw_only=True):
    """The frame is in the log: `stored` now, or a `duplicate` of what was there."""

    status: FrameStatus
    high_water: int
    position: str


class RefusedFrame(Document, frozen=True, kw_only=True):
    """One frame of a batch that was refused: why (a problem's type), and at which byte."""

    device: str
    seq: int
    type: str
    detail: str | None = None
    offset: int | None = None


class BatchAnswer(Document, frozen=True, kw_only=True):
    """What became of a batch; `high_water` is the highest sequence number known of each device concerned."""

    accepted: int
    duplicate: int
    rejected: tuple[RefusedFrame, ...]
    high_water: dict[str, int]
    position: str


class SetAnswer(Document, frozen=True, kw_only=True):
    """Number and version of a set; `created` is false for a repeat."""

    number: int
    version: int
    created: bool
    position: str


class LabelOutcome(Document, frozen=True, kw_only=True):
    """What became of one label of several; `type` and `detail` say why it was refused."""

    number: int | None = None
    version: int | None = None
    created: bool = False
    type: str | None = None
    detail: str | None = None


class LabelsAnswer(Document, frozen=True, kw_only=True):
    """What became of several labels, in their order; null where nothing was stored."""

    outcomes: tuple[LabelOutcome, ...]
    position: str | None


class TokenAnswer(Document, frozen=True, kw_only=True):
    """A new token. It is shown this once: only its hash is kept."""

    token: str
    token_id: str
    role: Role
    expires_at_ms: int | None
    position: str


class DeviceTokens(Document, frozen=True, kw_only=True):
    """The tokens of a device. They are shown this once: only their hashes are kept."""

    token: str
    refresh_token: str
    token_id: str
    tenant: str
    user: str | None
    device: str | None
    expires_at_ms: int | None
    position: str


class PairingCodeAnswer(Document, frozen=True, kw_only=True):
    """A code with which one device can be paired with the person, once."""

    code: str
    expires_at_ms: int
    position: str


# ── people ───────────────────────────────────────────────────────────────────────────────────────────────────────


class ProfileDocument(Document, frozen=True, kw_only=True):
    """What a person tells about themselves."""

    age_group: AgeGroup | None
    sex: Sex | None
    proficiency: Proficiency | None
    height_cm: float | None
    weight_kg: float | None


class DeviceDocument(Document, frozen=True, kw_only=True):
    """A paired device."""

    device: str
    kind: str
    push_target: str | None


class UserDocument(Document, frozen=True, kw_only=True):
    """A person."""

    user: str
    registered_at_ms: int | None
    profile: ProfileDocument
    devices: tuple[DeviceDocument, ...]
    consents: tuple[Purpose, ...]
    sessions: int
    open_session: str | None


class ConsentsDocument(Document, frozen=True, kw_only=True):
    """What a person consents to."""

    purposes: tuple[Purpose, ...]


class FeedbackDocument(Document, frozen=True, kw_only=True):
    """One rating."""

    at_ms: int
    session: str | None
    subject: str
    rating: int
    text: str


class FeedbackList(Document, frozen=True, kw_only=True):
    """Ratings, the oldest first."""

    feedback: tuple[FeedbackDocument, ...]


class TokenDocument(Document, frozen=True, kw_only=True):
    """A token, without anything one could use it with."""

    token_id: str
    role: Role
    user: str | None
    device: str | None
    note: str
    issued_at_ms: int
    expires_at_ms: int | None
    revoked: str | None


class TokenList(Document, frozen=True, kw_only=True):
    """The tenant's tokens."""

    tokens: tuple[TokenDocument, ...]


# ── sessions ─────────────────────────────────────────────────────────────────────────────────────────────────────


class Gap(Document, frozen=True, kw_only=True):
    """Frames of one device that never came: `first` to `last`, both included."""

    device: str
    first: int
    last: int


class SessionDocument(Document, frozen=True, kw_only=True):
    """One session. `frames` counts the stored ones by device; `rejected` those that were kept aside."""

    session: str
    user: str | None
    status: str
    gym: str | None
    plan: str | None
    started_at_ms: int
    ended_at_ms: int | None
    frames: dict[str, int]
    gaps: tuple[Gap, ...]
    rejected: int
    sets: int
    groups: tuple[str, ...]
    intensity: float | None
    last_frame_ms: int | None


class SessionPage(Document, frozen=True, kw_only=True):
    """Sessions, newest first; `next` is the cursor of the next page, `as_of` how far the views were."""

    sessions: tuple[SessionDocument, ...]
    next: str | None
    as_of: str


class LabelDocument(Document, frozen=True, kw_only=True):
    """What a set was."""

    exercise: str
    repetitions: int | None = None
    weight_kg: float | None = None
    intensity: float | None = None
    rest_s: float | None = None


class SetDocument(Document, frozen=True, kw_only=True):
    """One set: what was said first and what it was corrected to, apart. `version` is its ETag."""

    number: int
    version: int
    start_ms: int
    end_ms: int
    detected: LabelDocument
    corrected: LabelDocument | None
    source: Source
    corrected_by: Source | None
    confidence: float | None
    deleted: bool


class SetList(Document, frozen=True, kw_only=True):
    """Sets of a session."""

    sets: tuple[SetDocument, ...]
    as_of: str


class SampleRun(Document, frozen=True, kw_only=True):
    """About a second of one sensor: rows of `[x, y, z]` (or `[bpm]`), the first at `start_ms`, `rate_hz` a second."""

    device: str
    kind: str
    location: str | None
    unit: str
    start_ms: float
    rate_hz: float
    samples: list[list[float]]


class SampleList(Document, frozen=True, kw_only=True):
    """Samples by time, device and sensor; `next_from` is where to go on when there was more than one answer takes."""

    samples: tuple[SampleRun, ...]
    next_from: int | None
    as_of: str


class DeviceFramesDocument(Document, frozen=True, kw_only=True):
    """What one device sent to one session.

    `missing` are ranges `[first, last]` of numbers that never came; `rejected` counts the frames that were kept aside
    because they could not be decoded, `quarantined` those whose number was taken by another frame.
    """

    high_water: int
    stored: int
    expected: int | None
    missing: tuple[tuple[int, int], ...]
    rejected: int
    quarantined: int


class RejectDocument(Document, frozen=True, kw_only=True):
    """A frame that was kept aside, and why."""

    device: str
    seq: int
    type: str
    offset: int | None
    detail: str
    size: int
    at_ms: int


class FramesDocument(Document, frozen=True, kw_only=True):
    """What is stored of a session's frames. `rejects` may lag behind the counts."""

    session: str
    status: str
    devices: dict[str, DeviceFramesDocument]
    rejects: tuple[RejectDocument, ...]
    position: str


class BlockDocument(Document, frozen=True, kw_only=True):
    """One sensor's run of samples in a frame."""

    kind: str
    location: str | None
    unit: str
    rate_hz: int
    sequence: int | None
    start_ms: int | None
    samples: list[list[float]]


class FieldDocument(Document, frozen=True, kw_only=True):
    """One thing that some bytes of a frame say; `bits` are the lowest and highest of the word that the bytes make."""

    name: str
    offset: int
    size: int
    bits: tuple[int, int] | None
    hex: str
    value: str
    meaning: str


class DecodedFrame(Document, frozen=True, kw_only=True):
    """What every field and sample of these bytes means."""

    format: Format
    device: str
    dead: bool
    blocks: tuple[BlockDocument, ...]
    fields: tuple[FieldDocument, ...]


# ── places ───────────────────────────────────────────────────────────────────────────────────────────────────────


class StationDocument(Document, frozen=True, kw_only=True):
    """Equipment at a place."""

    name: str
    exercises: tuple[str, ...]
    minimum_kg: float | None
    step_kg: float | None
    maximum_kg: float | None
    beacon: str | None


class GymDocument(Document, frozen=True, kw_only=True):
    """A place."""

    gym: str
    name: str
    time_zone: str
    stations: tuple[StationDocument, ...]


class GymList(Document, frozen=True, kw_only=True):
    """The tenant's places."""

    gyms: tuple[GymDocument, ...]


class HourDocument(Document, frozen=True, kw_only=True):
    """How many sessions there were in a local hour."""

    hour: str
    sessions: int


class OccupancyDocument(Document, frozen=True, kw_only=True):
    """Sessions by local hour."""

    time_zone: str
    hours: tuple[HourDocument, ...]
    as_of: str


class StationUse(Document, frozen=True, kw_only=True):
    """How often and how long a station was used on a local day."""

    day: str
    station: str
    sets: int
    seconds: float


class StationUseDocument(Document, frozen=True, kw_only=True):
    """Use of stations by local day."""

    time_zone: str
    stations: tuple[StationUse, ...]
    as_of: str


class LiveEvent(Document, frozen=True, kw_only=True):
    """One entry of the live stream: what happened in whose session."""

    event: str
    session: str
    user: str | None
    at_ms: int
    detail: dict[str, object]


class LiveSnapshot(Document, frozen=True, kw_only=True):
    """Who is training now: the first event of a live stream."""

    sessions: tuple[SessionDocument, ...]


class Health(Document, frozen=True, kw_only=True):
    """Whether the process lives, or takes requests."""

    status: str
