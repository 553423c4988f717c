"""What a model store answers with: leases, publications, challengers, runs."""

from __future__ import annotations

from typing import NamedTuple

from kinelog.registry.scope import Scope
from kinelog.registry.signing import Signature


class Lease(NamedTuple):
    """The right to fit and publish, until somebody else has it.

    Attributes:
        name: What it is for.
        holder: Who has it, in their own words.
        token: Grows with every holder of this name.
        until_ms: When others may take it, Unix milliseconds; until they do, it is good.
    """

    name: str
    holder: str
    token: int
    until_ms: int


class Published(NamedTuple):
    """One version of a scope.

    Attributes:
        scope: What it is for.
        version: Grows within the scope.
        number: Place among all publications of the store; grows with each.
        manifest: The bytes that were signed.
        signature: Over exactly these.
        blob: SHA-256 of the blob, 64 hex digits.
        origin: The version that first brought this model: an older one after a rollback.
        at_ms: When, Unix milliseconds, by the publisher's clock.
    """

    scope: Scope
    version: int
    number: int
    manifest: bytes
    signature: Signature
    blob: str
    origin: int
    at_ms: int


class Challenger(NamedTuple):
    """A model that was kept but not published.

    Attributes:
        scope: What it is for.
        draft: What would be published of it (`ManifestDraft`, encoded by `publishing`).
        blob: SHA-256 of the blob, 64 hex digits.
        at_ms: When it was set, Unix milliseconds.
    """

    scope: Scope
    draft: bytes
    blob: str
    at_ms: int


class ConfirmationUse(NamedTuple):
    """One use of a confirmation set.

    Attributes:
        scope: For which scope.
        set_hash: Which set.
        use: Names the use.
    """

    scope: Scope
    set_hash: str
    use: str


class RunEntry(NamedTuple):
    """A run that has a record.

    Attributes:
        run_id: Names it.
        at_ms: When its record was first saved, Unix milliseconds.
    """

    run_id: str
    at_ms: int
