"""What the interface answers about models and the webhook. Times are Unix milliseconds; absent things are null."""

from __future__ import annotations

from kinelog.api.documents import Document


class ModelDocument(Document, frozen=True, kw_only=True):
    """The newest version of a model; `manifest` and `blob` are where to fetch it."""

    cluster: str
    sensors: tuple[str, ...]
    version: int
    manifest: str
    manifest_sha256: str
    blob: str
    published_at_ms: int


class ModelList(Document, frozen=True, kw_only=True):
    """The tenant's models."""

    models: tuple[ModelDocument, ...]


class ModelKeyDocument(Document, frozen=True, kw_only=True):
    """A key that manifests are signed with.

    `public` is Ed25519, 32 bytes in base64; `endorsement` is an older key's signature over the new one, for phones that
    trust the older.
    """

    key_id: str
    public: str
    endorsement: str | None


class ModelKeyList(Document, frozen=True, kw_only=True):
    """The keys that are trusted, in the order in which they were added."""

    keys: tuple[ModelKeyDocument, ...]


class ClusterDocument(Document, frozen=True, kw_only=True):
    """Which cluster a person is in, and the models that are theirs: for each combination of sensors the nearest."""

    cluster: str
    parents: tuple[str, ...]
    models: tuple[ModelDocument, ...]


class WebhookDocument(Document, frozen=True, kw_only=True):
    """Where the tenant's own server is told, and how that goes; the secret is never shown.

    `failed_attempts` counts those of the message that is being tried, one under way included; `delivered` counts over
    all places that there were. Null and 0 where nothing was tried yet.
    """

    url: str
    set_at_ms: int
    delivered: int
    failed_attempts: int
    last_attempt_at_ms: int | None
    last_status: int | None
    last_error: str | None
    next_attempt_at_ms: int | None
