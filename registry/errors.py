"""What can go wrong with models and where they are kept; each class is one thing that a caller can do about it."""

from __future__ import annotations


class RegistryError(Exception):
    """Base of all errors of this package."""


# ── the store ────────────────────────────────────────────────────────────────────────────────────────────────────


class RegistryUnavailableError(RegistryError):
    """The store does not answer. What was asked may or may not have happened: ask the same again."""


class IncompatibleRegistryError(RegistryError):
    """It is no model store, one of another layout, or its tables are not there."""


class UnknownBlobError(RegistryError):
    """No blob of this hash was ever put."""


class DamagedBlobError(RegistryError):
    """What lies in the store does not have the hash that it is kept under; it is never served."""


class TooLargeError(RegistryError):
    """More bytes than the store takes."""


class VersionConflictError(RegistryError):
    """Somebody else has published for this scope meanwhile.

    Attributes:
        expected: The version that was thought to be the newest; None for no version at all.
        found: The version that is.
    """

    def __init__(self, scope: str, expected: int | None, found: int | None) -> None:
        """Say what was expected and what is there."""
        super().__init__(
            f"{scope}: version {found or 0} is the newest, not {expected or 0}: read it, then publish again"
        )
        self.expected = expected
        self.found = found


class NoModelError(RegistryError):
    """Nothing that was named has been published."""


class LeaseHeldError(RegistryError):
    """Somebody else holds the lease.

    Attributes:
        holder: Who, in their own words.
        until_ms: When it runs out if it is not renewed, Unix milliseconds.
    """

    def __init__(self, name: str, holder: str, until_ms: int) -> None:
        """Name the holder."""
        super().__init__(f"{holder} holds {name!r}")
        self.holder = holder
        self.until_ms = until_ms


class StaleLeaseError(RegistryError):
    """The lease was given up or taken over: whoever held it may write nothing more."""


class InconsistentPublicationError(RegistryError):
    """A manifest says something else than what it is published as; nothing was written."""


# ── names, manifests, signatures ─────────────────────────────────────────────────────────────────────────────────


class ScopeError(RegistryError, ValueError):
    """A tenant, cluster or sensor is not written as such names are. A `ValueError`: see `KeyFormatError`.

    Attributes:
        field: Which.
        reason: What is wrong with it.
    """

    def __init__(self, field: str, reason: str) -> None:
        """Name the field."""
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class ManifestError(RegistryError):
    """A manifest cannot be believed; nothing of it may be used.

    Attributes:
        field: Where in the manifest, as a path (`input.rate_hz`), or `manifest` for all of it.
        reason: What is wrong with it.
    """

    def __init__(self, field: str, reason: str) -> None:
        """Name the field."""
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class SignatureError(ManifestError):
    """The bytes were not signed with any key that is trusted, or changed since."""


class HashError(ManifestError):
    """The blob is not the file that the manifest names."""


class SizeError(ManifestError):
    """Blob or manifest is longer than is allowed, or not as long as the manifest says."""


class LayoutError(ManifestError):
    """The blob cannot be read, or reads windows or weights otherwise than the manifest says."""


class ShapeError(ManifestError):
    """Layers, groups or their sizes disagree between manifest and blob."""


class LabelError(ManifestError):
    """The labels of the manifest are not those that the blob decides between."""


class VectorError(ManifestError):
    """Test vectors disagree, or evaluating the blob does not give what they say."""


class KeyFormatError(RegistryError, ValueError):
    """A key is not written as keys are. What was given is never part of the message.

    A `ValueError` as well: where a value is decoded, only those that it raises itself become the decoder's own error,
    and any other would pass by whoever expects that.
    """


class RetiredKeyError(RegistryError):
    """The key was retired: it may sign nothing any more, and is never trusted again."""


class UntrustedKeyError(RegistryError):
    """The store trusts other keys than the one that was to sign."""


class MissingKeyError(RegistryError):
    """There is no key to sign with; the message says where one is looked for."""
