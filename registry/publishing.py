"""Publishing, promoting, rolling back: a manifest is made, checked as a phone would check it, signed and stored.

Each of these is a new version with a new signature. Going back is one too: it brings the blob and the words of an older
version, names it in `restores`, and has a higher version, so that a phone never has to accept a smaller one.

A rollback goes back from the model that is served now to the one that was served before that model *first* was. A
second rollback therefore goes back further, it does not return; to return, name the version.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from kinelog.device.blob import BlobError, unpack_blob
from kinelog.registry.checking import check_model
from kinelog.registry.errors import LabelError, LayoutError, NoModelError, UntrustedKeyError, VersionConflictError
from kinelog.registry.manifest import (
    Manifest,
    ManifestDraft,
    draft_bytes,
    manifest_bytes,
    read_draft,
    read_manifest,
)
from kinelog.registry.model_facts import input_of, layers_of, vectors_of, weights_of
from kinelog.registry.records import Challenger, Lease, Published
from kinelog.registry.scope import Scope
from kinelog.registry.signing import SigningKey
from kinelog.registry.store import ModelStore


def publish_model(
    store: ModelStore,
    key: SigningKey,
    scope: Scope,
    draft: ManifestDraft,
    blob: bytes,
    *,
    lease: Lease | None = None,
    compared_with: int | None = None,
    created: datetime | None = None,
) -> Published:
    """Make a model the champion of its scope.

    What is the champion already, blob and words, is answered with the champion: a run that was killed between
    publishing and writing that down may publish again.

    Args:
        store: Where to.
        key: Signs the manifest.
        scope: What the model is for.
        draft: What is to be said of it.
        blob: The model.
        lease: Of the run that publishes; refused once it is stale.
        compared_with: The champion that the model was found better than, 0 for none; if another one is champion by
            now, nothing is published.
        created: When; now if not given.

    Raises:
        VersionConflictError: Somebody else published for this scope.
        StaleLeaseError: Somebody else holds the lease.
        UntrustedKeyError: The store does not trust the key.
        ManifestError: Blob and draft do not fit together, or the blob is none; nothing was published.
    """
    champion = store.champion(scope)
    if compared_with is not None and compared_with != (0 if champion is None else champion.version):
        raise VersionConflictError(scope.path, compared_with or None, champion and champion.version)
    manifest = manifest_of(draft, scope, blob, champion, created or datetime.now(UTC), store.next_version(scope))
    if champion is not None and _says_the_same(champion, manifest):
        return champion
    return _publish(store, key, manifest, blob, lease)


def promote(store: ModelStore, key: SigningKey, scope: Scope, *, lease: Lease | None = None) -> Published:
    """Publish the challenger; if it is the champion already, that is the answer.

    Raises:
        NoModelError: There is no challenger.
        RegistryError: As `publish_model`.
    """
    challenger = store.challenger(scope)
    if challenger is None:
        raise NoModelError(f"{scope.path} has no challenger")
    return publish_model(store, key, scope, read_draft(challenger.draft), store.blob(challenger.blob), lease=lease)


def rollback(
    store: ModelStore, key: SigningKey, scope: Scope, *, to: int | None = None, lease: Lease | None = None
) -> Published:
    """Publish an older model again, as the next version.

    Args:
        store: Where.
        key: Signs the manifest.
        scope: Of which scope.
        to: The version whose model to bring back. Without it: the one that was champion before the champion's model
            first was; then each call goes back further. With it a call may be repeated: what is the champion already,
            under this key, is answered with the champion.
        lease: As in `publish_model`.

    Raises:
        NoModelError: There is nothing to go back to.
        RegistryError: As `publish_model`.
    """
    champion = store.champion(scope)
    target = store.previous(scope) if to is None else _originally(store, scope, to)
    if champion is None or target is None:
        wanted = "older model" if to is None else f"version {to}"
        raise NoModelError(f"{scope.path} has no {wanted} to go back to")
    if champion.origin == target.origin and champion.signature.key_id == key.key_id:
        return champion
    manifest = msgspec.structs.replace(
        read_manifest(target.manifest),
        version=store.next_version(scope),
        previous=champion.version,
        restores=target.origin,
        created=_written(datetime.now(UTC)),
    )
    return _publish(store, key, manifest, store.blob(target.blob), lease)


def keep_challenger(
    store: ModelStore, scope: Scope, draft: ManifestDraft, blob: bytes, *, lease: Lease | None = None
) -> Challenger:
    """Keep a model beside the champion, in place of the one kept before, so that `promote` can publish it.

    Raises:
        ManifestError: Blob and draft do not fit together, or the blob is none.
        StaleLeaseError: Somebody else holds the lease.
    """
    check_model(manifest_of(draft, scope, blob, store.champion(scope), datetime.now(UTC)), blob)
    return store.set_challenger(scope, draft_bytes(draft), store.put_blob(blob), lease=lease)


def manifest_of(
    draft: ManifestDraft,
    scope: Scope,
    blob: bytes,
    champion: Published | None,
    created: datetime,
    version: int | None = None,
) -> Manifest:
    """The manifest that would follow a champion: the draft's words, and everything that the blob itself says.

    Args:
        draft: What is to be said of the model.
        scope: What it is for.
        blob: The model.
        champion: What it takes the place of.
        created: When.
        version: `next_version` of the store; the champion's and one if not given.

    Raises:
        LayoutError: The blob is none.
        LabelError: There are fewer labels than the blob decides between.
    """
    try:
        model = unpack_blob(blob)
    except BlobError as error:
        raise LayoutError(f"blob.{error.field}", str(error)) from error
    if len(draft.labels) != model.labels:
        raise LabelError("labels", f"{len(draft.labels)} labels, the blob decides between {model.labels}")
    previous = None if champion is None else champion.version
    return Manifest(
        name=draft.name,
        version=version or (previous or 0) + 1,
        previous=previous,
        tenant=scope.tenant,
        cluster=scope.cluster,
        fitted_on=draft.fitted_on,
        sensors=scope.sensors,
        input=input_of(model),
        labels=draft.labels,
        groups=model.group,
        temperature=model.temperature,
        abstain_below=model.abstain_below,
        layers=layers_of(model),
        weights=weights_of(blob),
        metrics=draft.metrics,
        dataset=draft.dataset,
        created=_written(created),
        test_vectors=vectors_of(model, draft.labels),
    )


def _publish(store: ModelStore, key: SigningKey, manifest: Manifest, blob: bytes, lease: Lease | None) -> Published:
    # As a phone will check it: what a phone would refuse must not take the place of what it has.
    check_model(manifest, blob)
    _require_trusted(store, key)
    signed = manifest_bytes(manifest)
    return store.publish(
        manifest.scope,
        signed,
        key.sign(signed),
        store.put_blob(blob),
        expected=manifest.previous,
        lease=lease,
    )


def _require_trusted(store: ModelStore, key: SigningKey) -> None:
    keys = store.keys()
    if not keys:
        store.add_key(key.public)
    elif all(each.key_id != key.key_id for each in keys):
        raise UntrustedKeyError(
            f"{store.where} trusts {', '.join(each.key_id for each in keys)}, not {key.key_id}: sign with one of them, "
            f"or let one of them endorse this key (`kinelog model key endorse {key.public.text}`)"
        )


def _says_the_same(champion: Published, manifest: Manifest) -> bool:
    said = read_manifest(champion.manifest)
    words = ("name", "fitted_on", "labels", "metrics", "dataset")
    return champion.blob == manifest.weights.sha256 and all(
        getattr(said, word) == getattr(manifest, word) for word in words
    )


def _originally(store: ModelStore, scope: Scope, version: int) -> Published | None:
    found = store.version(scope, version)
    return None if found is None else store.version(scope, found.origin)


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
