"""What can be asked of a person, a session or a tenant. Times are Unix milliseconds; `at_ms` is the service's clock.

A command is addressed to a `Person`; the ones that touch a session carry its id.
"""

from __future__ import annotations

import msgspec
from kinelog.codecs.values import Format
from kinelog.domain.values import Gym, Profile, Purpose, Role, SetLabel, Source


class Command(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Base of all commands.

    Attributes:
        at_ms: When the service received it.
        by: Who asks: a pseudonym, `operator:<token id>` or `system`.
    """

    at_ms: int
    by: str = "system"


# ── a person ─────────────────────────────────────────────────────────────────────────────────────────────────────


class RegisterUser(Command, frozen=True, kw_only=True):
    """Make the person known; asking twice changes nothing."""

    profile: Profile = Profile()


class SetProfile(Command, frozen=True, kw_only=True):
    """Replace the profile."""

    profile: Profile


class AddDevice(Command, frozen=True, kw_only=True):
    """Pair a device with the person."""

    device: str
    kind: str


class RemoveDevice(Command, frozen=True, kw_only=True):
    """Forget a device; its frames stay."""

    device: str


class SetPushTarget(Command, frozen=True, kw_only=True):
    """Where the device can be notified, or None for nowhere."""

    device: str
    target: str | None


class GiveConsent(Command, frozen=True, kw_only=True):
    """Consent to a purpose."""

    purpose: Purpose


class WithdrawConsent(Command, frozen=True, kw_only=True):
    """Withdraw consent to a purpose."""

    purpose: Purpose


class GiveFeedback(Command, frozen=True, kw_only=True):
    """Rate a suggestion or a session (1 to 5), with words if wanted."""

    session: str | None
    subject: str
    rating: int
    text: str = ""


class EraseUser(Command, frozen=True, kw_only=True):
    """Forget the person for ever."""


# ── a session ────────────────────────────────────────────────────────────────────────────────────────────────────


class StartSession(Command, frozen=True, kw_only=True):
    """Start a session under the id that the phone made. Idempotent for equal content."""

    session: str
    started_at_ms: int
    gym: str | None = None
    plan: str | None = None
    groups: tuple[str, ...] = ()
    intensity: float | None = None


class IncomingFrame(msgspec.Struct, frozen=True, gc=False):
    """One frame as received.

    Attributes:
        device: Name of the device, as the phone knows it.
        sequence: The phone's number for it; with session and device it names the frame.
        data: The bytes as received.
        format: The layout that the caller names, or None.
        start_ms: Start of the frame, for layouts that carry no clock; does not count where the bytes say it.
    """

    device: str
    sequence: int
    data: bytes
    format: Format | None = None
    start_ms: int | None = None


class RecordFrames(Command, frozen=True, kw_only=True):
    """Record frames of a session, each judged by itself."""

    session: str
    frames: tuple[IncomingFrame, ...]


class LabelSet(Command, frozen=True, kw_only=True):
    """Say that a set was done in an interval.

    Attributes:
        label_id: The client's id of the label, which makes a repeated request harmless; None to go by content.
    """

    session: str
    start_ms: int
    end_ms: int
    label: SetLabel
    source: Source
    confidence: float | None = None
    label_id: str | None = None


class CorrectSet(Command, frozen=True, kw_only=True):
    """Correct set `number` (from 1) whose current version the caller has seen."""

    session: str
    number: int
    version: int
    label: SetLabel
    source: Source = Source.PERSON
    deleted: bool = False


class EndSession(Command, frozen=True, kw_only=True):
    """End a session.

    Attributes:
        frames: How many frames (sequence numbers from 0) each device sent, or None when the phone does not say.
        final: End in spite of gaps.
        ended_at_ms: When it ended by the phone's clock; None for `at_ms`.
    """

    session: str
    frames: dict[str, int] | None = None
    final: bool = False
    ended_at_ms: int | None = None


class AbandonSession(Command, frozen=True, kw_only=True):
    """Give a session up: asked for by the phone, or by the shard after long silence."""

    session: str
    reason: str = "asked"


class DeleteSession(Command, frozen=True, kw_only=True):
    """Delete a session; its rows leave every view."""

    session: str


# ── a tenant (person `@`) ────────────────────────────────────────────────────────────────────────────────────────


class CreateTenant(Command, frozen=True, kw_only=True):
    """Make a tenant; asking twice changes nothing."""

    name: str


class SetGym(Command, frozen=True, kw_only=True):
    """Create or replace a gym."""

    gym: str
    definition: Gym


class IssueToken(Command, frozen=True, kw_only=True):
    """Make a token known by its hash (SHA-256, hex); the token itself is never stored.

    Attributes:
        token_id: Public name of the token, shown in lists and logs.
        refresh_hash: Hash of the refresh token that can replace it (device tokens).
        expires_at_ms: None for no expiry.
    """

    token_id: str
    token_hash: str
    role: Role
    person: str | None = None
    device: str | None = None
    note: str = ""
    refresh_hash: str | None = None
    expires_at_ms: int | None = None


class RefreshToken(Command, frozen=True, kw_only=True):
    """Replace the token that `refresh_hash` belongs to; a refresh token works once, and reuse revokes it."""

    refresh_hash: str
    new_token_hash: str
    new_refresh_hash: str
    expires_at_ms: int | None


class RevokeToken(Command, frozen=True, kw_only=True):
    """Revoke one token."""

    token_id: str


class RevokeTokensOf(Command, frozen=True, kw_only=True):
    """Revoke all tokens of a person, or of one device of theirs.

    Attributes:
        reason: `asked`, or `erased` when the person is being forgotten.
    """

    person: str
    device: str | None = None
    reason: str = "asked"


class IssuePairingCode(Command, frozen=True, kw_only=True):
    """Make a code known by its hash; whoever shows the code before it expires gets a device token for the person."""

    code_hash: str
    person: str
    expires_at_ms: int


class RedeemPairingCode(Command, frozen=True, kw_only=True):
    """Use a pairing code, once: issues the device token in the same commit."""

    code_hash: str
    token_id: str
    token_hash: str
    refresh_hash: str
    device: str
    expires_at_ms: int | None


class AnnounceModel(Command, frozen=True, kw_only=True):
    """Say that a version of a model was published for the tenant; asking twice changes nothing.

    Attributes:
        cluster: Whom it is for.
        sensors: Where they wear what it listens to.
        version: Of this cluster and these sensors; versions only go up.
        blob: SHA-256 of the model's bytes, hex.
        manifest: SHA-256 of the signed manifest, hex.
        published_at_ms: When the model store took it.
    """

    cluster: str
    sensors: tuple[str, ...]
    version: int
    blob: str
    manifest: str
    published_at_ms: int


class SetWebhook(Command, frozen=True, kw_only=True):
    """Have the tenant's own server told what is published, from now on.

    Attributes:
        url: Where.
        concealed_secret: What signatures are made with, concealed under the tenant's key.
    """

    url: str
    concealed_secret: str


class RemoveWebhook(Command, frozen=True, kw_only=True):
    """Tell nobody any more."""


PERSON_COMMANDS = (
    RegisterUser, SetProfile, AddDevice, RemoveDevice, SetPushTarget, GiveConsent, WithdrawConsent, GiveFeedback,
    EraseUser,
)  # fmt: skip
SESSION_COMMANDS = (
    StartSession, RecordFrames, LabelSet, CorrectSet, EndSession, AbandonSession, DeleteSession,
)  # fmt: skip
TENANT_COMMANDS = (
    CreateTenant, SetGym, IssueToken, RefreshToken, RevokeToken, RevokeTokensOf, IssuePairingCode, RedeemPairingCode,
    AnnounceModel, SetWebhook, RemoveWebhook,
)  # fmt: skip


# ── queries: commands that decide nothing, answered with the state itself after proof of ownership ───────────────


class ReadUser(Command, frozen=True, kw_only=True):
    """Answers the `UserState`."""


class ReadSession(Command, frozen=True, kw_only=True):
    """Answers the `SessionState`."""

    session: str


class ReadTenant(Command, frozen=True, kw_only=True):
    """Answers the `TenantState`."""


QUERIES = (ReadUser, ReadSession, ReadTenant)
