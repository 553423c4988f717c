"""Rows of the structured tables as readers see them. Times are Unix milliseconds."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray


class GapRow(msgspec.Struct, frozen=True):
    """Frames of one device that never came: sequence numbers `first` to `last`."""

    device: str
    first: int
    last: int


class SessionRow(msgspec.Struct, frozen=True):
    """One session.

    Attributes:
        status: `open`, `ended`, `abandoned`.
        frames: Frames stored, by device.
        gaps: Missing frames below each device's highest.
        rejected: Frames kept aside as undecodable or in conflict.
        groups: Muscle groups: intended ones, then those of the sets.
        intensity: Mean of the sets' where known, else the intended one.
        last_frame_ms: Freshness: when the last frame was received.
        version: Position of the last event that changed this row.
        short_blocks: Blocks that hold fewer samples than they lasted: samples were lost at an unknown place in them.
    """

    tenant: str
    person: str
    session: str
    status: str
    gym: str | None
    plan: str | None
    started_at_ms: int
    ended_at_ms: int | None
    frames: dict[str, int]
    gaps: tuple[GapRow, ...]
    rejected: int
    sets: int
    groups: tuple[str, ...]
    intensity: float | None
    last_frame_ms: int | None
    shard: int
    version: int
    short_blocks: int = 0


class SetRow(msgspec.Struct, frozen=True):
    """One set, detected and corrected apart.

    Attributes:
        number: From 1 within the session.
        version: 1 as labelled, then one more a correction; what `If-Match` must show.
        detected: What was first said: exercise, repetitions, weight_kg, intensity, rest_s.
        corrected: What it was corrected to, or None.
        source: Who labelled; `corrected_by`: who corrected.
    """

    number: int
    version: int
    start_ms: int
    end_ms: int
    detected: dict[str, object]
    corrected: dict[str, object] | None
    source: str
    corrected_by: str | None
    confidence: float | None
    deleted: bool


class SampleRow(msgspec.Struct, frozen=True):
    """About one second of one sensor.

    Attributes:
        start_ms: Time of the first sample (fractional part kept).
        rate_hz: Measured rate.
        unit: `mg`, `rad/s` or `bpm`.
        samples: `(n, 3)` int16 for mg; `(n, 3)` float32 rad/s; `(n, 1)` int16 bpm.
        sequence: Frame that the samples came in.
        lost: Samples that the device lost at an unknown place of the block that begins with this row. The others are
            never stretched over the hole.
    """

    device: str
    kind: str
    location: str | None
    unit: str
    start_ms: float
    rate_hz: float
    samples: NDArray[np.int16] | NDArray[np.float32]
    sequence: int = 0
    lost: int = 0


class RejectRow(msgspec.Struct, frozen=True):
    """A frame that was kept aside."""

    session: str
    device: str
    sequence: int
    day: str
    error: str
    offset: int | None
    detail: str
    size: int
    at_ms: int


class OccupancyRow(msgspec.Struct, frozen=True):
    """How many people trained at a gym in an hour (`hour` is local, ISO without offset)."""

    hour: str
    sessions: int


class StationUseRow(msgspec.Struct, frozen=True):
    """How often and how long (s) a station was used on a local day."""

    day: str
    station: str
    sets: int
    seconds: float


class LiveRow(msgspec.Struct, frozen=True):
    """Who is training at a gym: one entry of the live stream.

    Attributes:
        event: `started`, `frame`, `set`, `ended`, `abandoned`, `deleted` or `corrected`.
        position: `(shard, position)` of the event behind it.
    """

    event: str
    person: str
    session: str
    at_ms: int
    shard: int
    position: int
    detail: dict[str, object]


class Page(msgspec.Struct, frozen=True):
    """One page of sessions.

    Attributes:
        next_key: Key of the last row in the view's own ordering, or None at the end: valid over rebuilds and stores.
        as_of: Log position by shard that the rows are folded up to.
    """

    rows: tuple[SessionRow, ...]
    next_key: tuple[int, str, str] | None
    as_of: dict[int, int]


class LabelRow(msgspec.Struct, frozen=True):
    """An interval of movement and what it was: what models are fitted to.

    Attributes:
        source: Who said so last; `confirmed`: whether a person or a trainer said or corrected it.
    """

    person: str
    session: str
    number: int
    exercise: str
    start_ms: int
    end_ms: int
    repetitions: int | None
    weight_kg: float | None
    intensity: float | None
    source: str
    confirmed: bool
    confidence: float | None


class PersonRow(msgspec.Struct, frozen=True):
    """A person, as far as a fit has to know them.

    Attributes:
        person: Pseudonym.
        age_group: As the person says, like `sex` and `proficiency`; None where they did not.
        consents: Purposes that they consent to now, sorted: `training-models`, `shared-models`, `trainer-access`.
        version: Position of the last event that changed this row.
    """

    person: str
    age_group: str | None
    sex: str | None
    proficiency: str | None
    consents: tuple[str, ...]
    version: int


class ParkedRow(msgspec.Struct, frozen=True):
    """An event that a view could not fold, or that waits behind one of the same person.

    Attributes:
        error: Type and message of what went wrong, without the payload; None for an event that only waits.
    """

    view: str
    shard: int
    position: int
    entity: str
    error: str | None
