"""States of the three kinds of entity. Immutable; what snapshots store, so each has a `schema` version.

A stored state is a msgpack array of its fields in this order. Any change of that layout, or of the layout of a value in
it, raises the state's `schema`; a snapshot of another schema is not used, and the events are folded again. The
dictionaries in a state are never changed: a new state has new ones.
"""

from __future__ import annotations

import hmac
from enum import StrEnum
from typing import ClassVar

import msgspec
from kinelog.domain.received import Received
from kinelog.domain.table import Table
from kinelog.domain.values import Gym, MissingRange, Profile, Purpose, Role, SetLabel, Source

# ── a person ─────────────────────────────────────────────────────────────────────────────────────────────────────


class UserDevice(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A paired device and where it can be notified."""

    kind: str
    push_target: str | None = None


class ListedSession(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A session in its user's index.

    Attributes:
        started_at_ms: When it began, by the phone's clock.
        closed: How it stopped being the open one, or None when it is, or when it never was.
    """

    started_at_ms: int
    closed: str | None = None


class UserState(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """A person.

    Attributes:
        registered_at_ms: When the person became known, or None.
        erased: The person was forgotten; everything else is empty then, and everything is refused.
        profile: What they tell about themselves.
        devices: Paired devices by name.
        consents: Purposes consented to, in the order of consent.
        sessions: All sessions ever started, by id.
        open_session: Which one they are exercising in, or None.
        feedback_count: How many ratings they gave.
        last_feedback: Digest of the latest rating, by which a repeated request is known.
    """

    schema: ClassVar[int] = 1

    registered_at_ms: int | None = None
    erased: bool = False
    profile: Profile = Profile()
    devices: dict[str, UserDevice] = msgspec.field(default_factory=dict)
    consents: tuple[Purpose, ...] = ()
    sessions: dict[str, ListedSession] = msgspec.field(default_factory=dict)
    open_session: str | None = None
    feedback_count: int = 0
    last_feedback: bytes = b""


# ── a session ────────────────────────────────────────────────────────────────────────────────────────────────────


class SessionStatus(StrEnum):
    """Where a session stands. All but `none` and `deleted` take frames, labels and corrections."""

    NONE = "none"
    OPEN = "open"
    ENDED = "ended"
    ABANDONED = "abandoned"
    DELETED = "deleted"


class DeviceFrames(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one device sent to one session.

    Attributes:
        device: Name of the device.
        received: Sequence numbers and digests of the frames that are stored.
        expected: How many frames the session's end says the device sent, or None before the end.
        rejected: How many undecodable frames were kept aside.
        quarantined: How many frames were kept aside because their key was taken.
        kept_day: Day (Unix days, UTC) of the latest one kept aside; the service's clock.
        kept_that_day: How many were kept aside on that day.
    """

    device: str
    received: Received = Received()
    expected: int | None = None
    rejected: int = 0
    quarantined: int = 0
    kept_day: int = 0
    kept_that_day: int = 0

    def missing(self, most: int | None = None) -> tuple[MissingRange, ...]:
        """Gaps below the number of frames sent, or below the highest number known where that is more.

        Args:
            most: At most this many ranges; None for all.
        """
        return self.received.missing(max(self.expected or 0, self.received.high_water + 1), most)


class SessionSet(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A set of a session: what was said first and what it was corrected to, apart.

    Attributes:
        number: From 1 within the session.
        start_ms: Unix milliseconds.
        end_ms: Unix milliseconds; the set is over by then.
        detected: The label as it was recognised or entered.
        source: Who said so.
        confidence: 0 to 1, or None.
        label_id: The client's id of the label, or None.
        version: 1, and one more for every correction.
        corrected: What it was corrected to, or None.
        corrected_by: Who said that, or None.
        deleted: The correction says that there was no such set.
    """

    number: int
    start_ms: int
    end_ms: int
    detected: SetLabel
    source: Source
    confidence: float | None = None
    label_id: str | None = None
    version: int = 1
    corrected: SetLabel | None = None
    corrected_by: Source | None = None
    deleted: bool = False

    @property
    def label(self) -> SetLabel:
        """What the set is held to be now."""
        return self.detected if self.corrected is None else self.corrected


class SessionState(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """A session.

    Attributes:
        status: Where it stands.
        started_at_ms: By the phone's clock.
        gym: Where, or None.
        plan: Following which plan, or None.
        groups: Muscle groups intended.
        intensity: Intended, 0 to 1, or None.
        devices: What each device sent, in the order in which devices first sent something.
        sets: All sets ever labelled, deleted ones included; set n is at n - 1.
        last_activity_ms: When something of the session was last stored, by the service's clock.
        ended_at_ms: By the phone's clock, or None when it has not ended.
        ended_how: `asked`, `final` or `superseded`, or None.
    """

    schema: ClassVar[int] = 1

    status: SessionStatus = SessionStatus.NONE
    started_at_ms: int = 0
    gym: str | None = None
    plan: str | None = None
    groups: tuple[str, ...] = ()
    intensity: float | None = None
    devices: tuple[DeviceFrames, ...] = ()
    sets: tuple[SessionSet, ...] = ()
    last_activity_ms: int = 0
    ended_at_ms: int | None = None
    ended_how: str | None = None

    def device(self, name: str) -> DeviceFrames | None:
        """What this device sent, or None when it sent nothing."""
        for entry in self.devices:
            if entry.device == name:
                return entry
        return None


# ── a tenant ─────────────────────────────────────────────────────────────────────────────────────────────────────


class Token(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """A token, by its hash; nobody can make the token from this.

    Attributes:
        token_id: Its public name.
        token_hash: SHA-256 of the token, hex.
        role: What its bearer may do.
        person: Pseudonym of whom it is bound to, or None.
        device: Which device it is bound to, its name concealed under the person's key; or None.
        note: What people wrote about it.
        refresh_hash: SHA-256 of the refresh token that replaces it, or None.
        issued_at_ms: When it was issued or last refreshed.
        expires_at_ms: None for never.
        spent: The latest refresh hashes that were used up; whoever shows one of them again has stolen it.
        revoked: Why it is valid no more, or None.
    """

    token_id: str
    token_hash: str
    role: Role
    person: str | None = None
    device: str | None = None
    note: str = ""
    refresh_hash: str | None = None
    issued_at_ms: int = 0
    expires_at_ms: int | None = None
    spent: tuple[str, ...] = ()
    revoked: str | None = None

    def valid_at(self, now_ms: int) -> bool:
        """Whether it lets its bearer in at this time."""
        return self.revoked is None and (self.expires_at_ms is None or now_ms < self.expires_at_ms)


class PairingCode(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A code that can be redeemed once for a device token of this person, before it expires."""

    person: str
    expires_at_ms: int


class PublishedModel(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The newest announced version of a model; `blob` and `manifest` are SHA-256, hex."""

    version: int
    blob: str
    manifest: str
    published_at_ms: int


class Webhook(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Where the tenant's own server is told what is published.

    Attributes:
        url: Where.
        concealed_secret: What signatures are made with, concealed under the tenant's key.
        set_at_ms: When.
        behind: How many publications there had been when somebody first wanted to be told: those are not told.
    """

    url: str
    concealed_secret: str
    set_at_ms: int
    behind: int


class TenantState(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """A tenant.

    Attributes:
        created_at_ms: When it was made, or None.
        name: What people call it.
        gyms: Places by id.
        tokens: Tokens by id; revoked ones stay listed for a while.
        token_ids: Ids of tokens by token hash, refresh hash and spent refresh hash.
        tokens_of: Ids of the tokens of a person that are not revoked, by pseudonym.
        revoked: Ids of revoked tokens that are still listed, the oldest first.
        codes: Pairing codes that can be redeemed, by code hash.
        models: Newest announced models, by `cluster/sensor+sensor`.
        publications: How many versions of models were ever announced.
        webhook: Who is told about them, or None.
    """

    schema: ClassVar[int] = 2

    created_at_ms: int | None = None
    name: str = ""
    gyms: dict[str, Gym] = msgspec.field(default_factory=dict)
    tokens: Table[Token] = Table()
    token_ids: Table[str] = Table()
    tokens_of: Table[tuple[str, ...]] = Table()
    revoked: tuple[str, ...] = ()
    codes: dict[str, PairingCode] = msgspec.field(default_factory=dict)
    models: Table[PublishedModel] = Table()
    publications: int = 0
    webhook: Webhook | None = None

    def token_by_hash(self, token_hash: str) -> Token | None:
        """The token of this hash, or None. Whether it lets in now says `Token.valid_at`; refresh tokens never do."""
        token = self._holder_of(token_hash)
        return token if token is not None and same_hash(token.token_hash, token_hash) else None

    def token_by_refresh_hash(self, refresh_hash: str) -> Token | None:
        """The token that this refresh token can replace, or could before it was used up; None if there is none."""
        token = self._holder_of(refresh_hash)
        return None if token is None or same_hash(token.token_hash, refresh_hash) else token

    def _holder_of(self, known_hash: str) -> Token | None:
        token_id = self.token_ids.get(known_hash)
        return None if token_id is None else self.tokens.get(token_id)


def same_hash(known: str, shown: str) -> bool:
    """Whether two hashes of secrets are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(known.encode(), shown.encode())
