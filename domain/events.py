"""What happened. Events are facts: never changed, only followed by others.

Every event class names its `schema` version. An event's stored form is a msgpack array of its fields in this order;
fields may be appended with a default under the same version, anything else is a new version with an upcaster
(`domain/upcasting.py`). Which stream an event is in says whose it is, so events do not repeat tenant or pseudonym.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec
from kinelog.codecs.clocks import is_on_calendar
from kinelog.codecs.values import BlockSummary, FrameSummary
from kinelog.domain.values import Gym, MissingRange, Profile, Purpose, Role, SetLabel, Source


class Event(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """Base of all events.

    Attributes:
        at_ms: When the service decided it, Unix milliseconds.
        by: Who asked.
    """

    schema: ClassVar[int] = 1

    at_ms: int
    by: str = "system"


# ── stream `tenant/pseudonym` ────────────────────────────────────────────────────────────────────────────────────


class UserRegistered(Event, frozen=True, array_like=True, kw_only=True):
    """The person is known from here on."""


class ProfileSet(Event, frozen=True, array_like=True, kw_only=True):
    """The profile was replaced."""

    profile: Profile


class DeviceAdded(Event, frozen=True, array_like=True, kw_only=True):
    """A device was paired."""

    device: str
    kind: str


class DeviceRemoved(Event, frozen=True, array_like=True, kw_only=True):
    """A device was forgotten."""

    device: str


class PushTargetSet(Event, frozen=True, array_like=True, kw_only=True):
    """Where a device can be notified."""

    device: str
    target: str | None


class ConsentGiven(Event, frozen=True, array_like=True, kw_only=True):
    """Consent to a purpose."""

    purpose: Purpose


class ConsentWithdrawn(Event, frozen=True, array_like=True, kw_only=True):
    """No more consent to a purpose."""

    purpose: Purpose


class SessionListed(Event, frozen=True, array_like=True, kw_only=True):
    """The user's index of sessions has a new entry; it is the open one if `opened`."""

    session: str
    started_at_ms: int
    opened: bool


class SessionClosed(Event, frozen=True, array_like=True, kw_only=True):
    """The session is not the open one any more: `ended`, `abandoned`, `superseded` or `deleted`."""

    session: str
    how: str


class FeedbackGiven(Event, frozen=True, array_like=True, kw_only=True):
    """A rating of a suggestion or a session."""

    session: str | None
    subject: str
    rating: int
    text: str = ""


class UserErased(Event, frozen=True, array_like=True, kw_only=True):
    """The person is forgotten. Stored unsealed (it says nothing but who asked) since its key is about to go."""


# ── stream `tenant/pseudonym/session` ────────────────────────────────────────────────────────────────────────────


class SessionStarted(Event, frozen=True, array_like=True, kw_only=True):
    """A session began."""

    started_at_ms: int
    gym: str | None = None
    plan: str | None = None
    groups: tuple[str, ...] = ()
    intensity: float | None = None


class FrameRecorded(Event, frozen=True, array_like=True, kw_only=True):
    """A frame that decodes was stored, as received.

    Attributes:
        device: Name of the device.
        sequence: With session and device, the frame's name.
        digest: 8 bytes of BLAKE2b over the bytes, keyed with the caller's start; equal ones are the same frame again.
        start_ms: The start that the caller gave with a layout that has no clock, or None.
        summary: What the bytes were decoded to, without the samples.
        data: The bytes as received.
    """

    device: str
    sequence: int
    digest: bytes
    start_ms: int | None
    summary: FrameSummary
    data: bytes


def block_start_ms(event: FrameRecorded, block: BlockSummary) -> int:
    """Where a block lies in time, Unix ms: as it says itself, else as the phone said of its frame.

    A clock that shows no time that a calendar has is no clock; a frame with nothing else to go by lies where it
    arrived.
    """
    for said in (block.start_ms, event.start_ms):
        if said is not None and is_on_calendar(said):
            return said
    return event.at_ms


class FrameRejected(Event, frozen=True, array_like=True, kw_only=True):
    """A frame that does not decode was kept aside; its sequence number stays free.

    Attributes:
        data: The bytes, cut at 4096.
        size: How many there were.
    """

    device: str
    sequence: int
    error: str
    offset: int
    detail: str
    data: bytes
    size: int


class FrameQuarantined(Event, frozen=True, array_like=True, kw_only=True):
    """Another frame came under a key that is taken: the first stays, this one is kept aside.

    Attributes:
        data: The bytes, cut at 4096.
        size: How many there were.
    """

    device: str
    sequence: int
    digest: bytes
    data: bytes
    size: int


class SetLabelled(Event, frozen=True, array_like=True, kw_only=True):
    """A set was recognised or entered. Sets are numbered from 1 within the session."""

    number: int
    start_ms: int
    end_ms: int
    label: SetLabel
    source: Source
    confidence: float | None = None
    label_id: str | None = None


class SetCorrected(Event, frozen=True, array_like=True, kw_only=True):
    """A set was corrected: what it is now, what it was, who says so. `version` counts from 2."""

    number: int
    version: int
    label: SetLabel
    was: SetLabel
    source: Source
    deleted: bool = False


class SessionEnded(Event, frozen=True, array_like=True, kw_only=True):
    """The session is over.

    Attributes:
        ended_at_ms: By the phone's clock; of a superseded session, when it was last heard of or the next one began.
        how: `asked`, `final` (in spite of gaps) or `superseded` (a later one started).
        frames: How many frames each device sent: what the phone said, else up to the highest number that is known.
        missing: The gaps below those numbers, of the devices that have gaps; the earliest 1 000 of each.
    """

    ended_at_ms: int
    how: str
    frames: dict[str, int]
    missing: dict[str, tuple[MissingRange, ...]]


class SessionAbandoned(Event, frozen=True, array_like=True, kw_only=True):
    """The session fell silent or was given up; what arrives later can still complete it."""

    reason: str
    last_activity_ms: int


class SessionDeleted(Event, frozen=True, array_like=True, kw_only=True):
    """The session is gone from every view."""


# ── stream `tenant/@` ────────────────────────────────────────────────────────────────────────────────────────────


class TenantCreated(Event, frozen=True, array_like=True, kw_only=True):
    """A tenant exists."""

    name: str


class GymSet(Event, frozen=True, array_like=True, kw_only=True):
    """A gym was created or replaced."""

    gym: str
    definition: Gym


class TokenIssued(Event, frozen=True, array_like=True, kw_only=True):
    """A token is valid from here on.

    Attributes:
        device: Of a device's token: the device's name, concealed under its person's key. This stream outlives people.
    """

    token_id: str
    token_hash: str
    role: Role
    person: str | None = None
    device: str | None = None
    note: str = ""
    refresh_hash: str | None = None
    expires_at_ms: int | None = None


class TokenRefreshed(Event, frozen=True, array_like=True, kw_only=True):
    """A token has a new secret; the old secret and the old refresh token are spent."""

    token_id: str
    token_hash: str
    refresh_hash: str
    spent_refresh_hash: str
    expires_at_ms: int | None


class TokenRevoked(Event, frozen=True, array_like=True, kw_only=True):
    """A token is valid no more; `reason` is `asked`, `erased`, `replaced` or `refresh-reused`."""

    token_id: str
    reason: str


class PairingCodeIssued(Event, frozen=True, array_like=True, kw_only=True):
    """A pairing code can be redeemed until it expires."""

    code_hash: str
    person: str
    expires_at_ms: int


class PairingCodeRedeemed(Event, frozen=True, array_like=True, kw_only=True):
    """A pairing code was used."""

    code_hash: str
    token_id: str


class ModelPublished(Event, frozen=True, array_like=True, kw_only=True):
    """A version of a model can be fetched.

    Attributes:
        number: Counts the tenant's publications, from 1 without gaps: who follows them sees what is missing.
        cluster: Whom it is for.
        sensors: Where they wear what it listens to.
        version: Of this cluster and these sensors; each is higher than the one before.
        blob: SHA-256 of the model's bytes, hex.
        manifest: SHA-256 of the signed manifest, hex.
        published_at_ms: When the model store took it.
    """

    number: int
    cluster: str
    sensors: tuple[str, ...]
    version: int
    blob: str
    manifest: str
    published_at_ms: int


class WebhookSet(Event, frozen=True, array_like=True, kw_only=True):
    """What is published from here on is told to this place.

    Attributes:
        url: Where.
        concealed_secret: What signatures are made with, concealed under the tenant's key: no state holds it as it is.
    """

    url: str
    concealed_secret: str


class WebhookRemoved(Event, frozen=True, array_like=True, kw_only=True):
    """Nobody is told any more."""


USER_EVENTS: tuple[type[Event], ...] = (
    UserRegistered, ProfileSet, DeviceAdded, DeviceRemoved, PushTargetSet, ConsentGiven, ConsentWithdrawn,
    SessionListed, SessionClosed, FeedbackGiven, UserErased,
)  # fmt: skip
SESSION_EVENTS: tuple[type[Event], ...] = (
    SessionStarted, FrameRecorded, FrameRejected, FrameQuarantined, SetLabelled, SetCorrected, SessionEnded,
    SessionAbandoned, SessionDeleted,
)  # fmt: skip
TENANT_EVENTS: tuple[type[Event], ...] = (
    TenantCreated, GymSet, TokenIssued, TokenRefreshed, TokenRevoked, PairingCodeIssued, PairingCodeRedeemed,
    ModelPublished, WebhookSet, WebhookRemoved,
)  # fmt: skip
EVENT_TYPES: dict[str, type[Event]] = {kind.__name__: kind for kind in USER_EVENTS + SESSION_EVENTS + TENANT_EVENTS}
