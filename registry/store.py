"""The port of the model store, and what it answers with. `tests/registry/model_store_contract.py` judges its adapters.

Durable, and not a view: nothing here can be computed again from the log. Nothing here names a person.

Of each scope the store keeps versions that grow, 1, 2, 3 …, and the newest is the *champion*: what phones get. So a
version that a phone has seen never comes again with other bytes, and the served version never becomes smaller; going
back is a newer version with an older model. After a restore from a backup, when nobody knows what phones have seen,
versions go on far above (`begin_anew`). *Previous* is the model that one rollback would bring back. The
*challenger* is a model that was thought good enough to keep but has not been published.

Who fits holds a *lease*. Its token grows with every holder, and a write that shows a lease is refused once anybody
holds a newer one, even if the clock of whoever writes stood still meanwhile: safety never depends on a clock, which
only decides when somebody may take over.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

from kinelog.registry.manifest import read_manifest
from kinelog.registry.records import Challenger, ConfirmationUse, Lease, Published, RunEntry
from kinelog.registry.scope import Scope
from kinelog.registry.signing import PublicKey, Signature

__all__ = ["LIFTED", "PAGE", "Challenger", "ConfirmationUse", "Lease", "ModelStore", "Published", "RunEntry"]

LIFTED = 1 << 20
"""How far `begin_anew` goes: further than a lost timeline can have come since the backup."""

PAGE = 100
"""Publications, scopes or runs that are read at once, unless said otherwise."""


class ModelStore(ABC):
    """Blobs, publications, populations, runs, leases, keys. Thread-safe, and several processes may use one.

    What returned is durable. Every write may be repeated: the same write a second time changes nothing and is answered
    as the first was. Every method may raise `RegistryUnavailableError`, after which a write may or may not have
    happened (ask the same again), and `IncompatibleRegistryError`.
    """

    where: str
    """How messages name it."""

    # ── blobs ────────────────────────────────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def put_blob(self, data: bytes) -> str:
        """Keep these bytes; their SHA-256, 64 hex digits, under which they are found for ever.

        Raises:
            TooLargeError: More than `BLOB_BYTES`.
        """

    @abstractmethod
    def blob(self, sha256: str) -> bytes:
        """The bytes with this hash, which is computed again at every read.

        Raises:
            UnknownBlobError: There are none.
            DamagedBlobError: What lies there has another hash.
        """

    @abstractmethod
    def blobs(self) -> list[str]:
        """Hashes of all blobs, in no particular order: for copies."""

    @abstractmethod
    def unnamed_blobs(self, put_before_ms: int) -> list[str]:
        """Hashes of blobs that no publication of any version, no challenger and no population names, in order.

        Args:
            put_before_ms: Only those that nobody has put since then, Unix milliseconds: see `registry.sweeping`.
        """

    @abstractmethod
    def remove_unnamed_blobs(self, put_before_ms: int, *, lease: Lease | None = None) -> list[str]:
        """Remove `unnamed_blobs`; which were. Beside a publisher: its blob stays, or its publication is refused.

        Raises:
            StaleLeaseError: As `publish`.
        """

    @abstractmethod
    def serves(self, tenant: str, sha256: str) -> bool:
        """Whether any manifest that was ever published for the tenant names this blob."""

    # ── publications ─────────────────────────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def publish(
        self,
        scope: Scope,
        manifest: bytes,
        signature: Signature,
        blob: str,
        *,
        expected: int | None,
        lease: Lease | None = None,
    ) -> Published:
        """Make a manifest the scope's next version and its champion, in one step that happens wholly or not at all.

        The same manifest as a version that is there already is answered with that version, also when newer ones have
        followed: whoever did not hear the answer may ask again.

        Args:
            scope: What it is for.
            manifest: Exactly the bytes that were signed and will be served; they say the scope, a version
                above all before it (`next_version`), the version before it and the blob.
            signature: Over these bytes. The store does not judge it; `publishing` does.
            blob: Hash of a blob that was put before.
            expected: The newest version as the publisher knows it; None if there is none.
            lease: Given, the publication only happens while it is the newest of its name.

        Raises:
            VersionConflictError: Another version is the newest.
            StaleLeaseError: The lease was released, or somebody holds a newer one.
            UnknownBlobError: There is no such blob.
            InconsistentPublicationError: The manifest says something else.
            ManifestError: The manifest cannot be read.
        """

    @abstractmethod
    def champion(self, scope: Scope) -> Published | None:
        """The newest version: what phones get. None if nothing was published."""

    @abstractmethod
    def version(self, scope: Scope, version: int) -> Published | None:
        """One version, as it was published."""

    @abstractmethod
    def versions(self, scope: Scope) -> list[int]:
        """All versions of a scope, from the oldest."""

    @abstractmethod
    def next_version(self, scope: Scope) -> int:
        """The version that the scope's next publication should have; a smaller one is refused."""

    def previous(self, scope: Scope) -> Published | None:
        """The version whose model one rollback would bring back; None if there is nothing before the champion's."""
        champion = self.champion(scope)
        first = None if champion is None else self.version(scope, champion.origin)
        replaced = None if first is None else read_manifest(first.manifest).previous
        before = None if replaced is None else self.version(scope, replaced)
        # What stood there may have been brought back itself: the model has one version that first brought it.
        return None if before is None else self.version(scope, before.origin)

    @abstractmethod
    def scopes(self, tenant: str | None = None) -> list[Scope]:
        """Scopes with a version, of one tenant or of all, in order."""

    @abstractmethod
    def publications(self, after: int = 0, limit: int = PAGE) -> list[Published]:
        """Publications of all scopes behind a number, in the order in which they happened.

        Whoever has seen all up to a number misses none by going on from there.
        """

    # ── the challenger, populations, runs ────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def set_challenger(self, scope: Scope, draft: bytes, blob: str, *, lease: Lease | None = None) -> Challenger:
        """Keep a model beside the champion, in place of the one kept before.

        Raises:
            UnknownBlobError: There is no such blob.
            StaleLeaseError: As `publish`.
            TooLargeError: More than `POPULATION_BYTES`.
        """

    @abstractmethod
    def challenger(self, scope: Scope) -> Challenger | None:
        """The model that is kept beside the champion."""

    @abstractmethod
    def save_population(self, scope: Scope, data: bytes, *, lease: Lease | None = None) -> None:
        """Keep what the next night starts from, in place of what was kept before.

        Raises:
            StaleLeaseError: As `publish`.
            TooLargeError: More than `POPULATION_BYTES`.
        """

    @abstractmethod
    def population(self, scope: Scope) -> bytes | None:
        """What was last saved for the scope."""

    @abstractmethod
    def populations(self) -> list[Scope]:
        """Scopes that have a population, in order."""

    @abstractmethod
    def save_run(self, run_id: str, record: bytes, *, lease: Lease | None = None) -> None:
        """Keep the record of a run, in place of an earlier one of the same run.

        Args:
            run_id: 1 to 64 of a-z, A-Z, 0-9, dot, dash and underscore.
            record: At most `RUN_BYTES`.
            lease: As in `publish`.

        Raises:
            ValueError: The id is not written so.
            StaleLeaseError: As `publish`.
            TooLargeError: More than `RUN_BYTES`.
        """

    @abstractmethod
    def run(self, run_id: str) -> bytes | None:
        """The record of a run."""

    @abstractmethod
    def runs(self, limit: int = PAGE) -> list[RunEntry]:
        """Runs that have a record, the newest first."""

    @abstractmethod
    def use_confirmation(self, scope: Scope, set_hash: str, use: str) -> int:
        """Count a use of a confirmation set; durable before anybody may look at the set.

        Args:
            scope: For which scope.
            set_hash: Which set.
            use: Names this use (a run): the same name again, of a run that was resumed, is not counted twice.

        Returns:
            How often the set was used for this scope, this time included.
        """

    @abstractmethod
    def confirmation_uses(self, scope: Scope, set_hash: str) -> int:
        """How often a confirmation set was used for a scope."""

    @abstractmethod
    def all_confirmation_uses(self) -> list[ConfirmationUse]:
        """Every use of every set, in no particular order: for copies."""

    # ── leases ───────────────────────────────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def acquire_lease(self, name: str, holder: str, ttl_s: float, *, take_over: bool = False) -> Lease:
        """Take a lease that nobody holds, or whose time is over.

        Args:
            name: What it is for.
            holder: Who asks, for people to read.
            ttl_s: Seconds after which others may take it unless it is renewed.
            take_over: Take it whoever holds it: whoever held it can write nothing more.

        Raises:
            LeaseHeldError: Somebody holds it, and their time is not over.
        """

    @abstractmethod
    def renew(self, lease: Lease, ttl_s: float) -> Lease:
        """Keep a lease for longer, also one whose time is over while nobody else took it.

        Raises:
            StaleLeaseError: It was released, or somebody else took it.
        """

    @abstractmethod
    def release(self, lease: Lease) -> None:
        """Give a lease up, so that nothing more can be written with it; one that is stale already stays so."""

    @abstractmethod
    def lease(self, name: str) -> Lease | None:
        """Who holds a lease and has not given it up, also if their time is over."""

    # ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def add_key(self, key: PublicKey) -> None:
        """Trust what this key signs, from now on and before.

        Raises:
            RetiredKeyError: It was retired; what is retired never comes back.
        """

    @abstractmethod
    def retire_key(self, key_id: str) -> None:
        """Trust a key no more, for ever. What it signed has to be published again by another."""

    @abstractmethod
    def keys(self) -> list[PublicKey]:
        """Keys that are trusted, in the order in which they were added."""

    @abstractmethod
    def retired_keys(self) -> list[PublicKey]:
        """Keys that are trusted no more, in the order in which they were added."""

    @abstractmethod
    def begin_anew(self) -> None:
        """Go on far behind every version, number and token that can have been given: to be called after a restore.

        A phone may hold, and an announcer may have seen, what was published after the backup was made. Neither would
        ever take the same versions again.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of it."""

    def __enter__(self) -> Self:
        """Already open."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()
