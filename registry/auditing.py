"""Whether everything that a store has ever published can still be believed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from kinelog.registry.checking import check_manifest
from kinelog.registry.errors import DamagedBlobError, ManifestError, UnknownBlobError
from kinelog.registry.records import Published
from kinelog.registry.scope import Scope
from kinelog.registry.signing import PublicKey
from kinelog.registry.store import ModelStore


class Audited(NamedTuple):
    """One version, looked at.

    Attributes:
        scope: Of which scope.
        version: Which version.
        fault: What is wrong with it; None if nothing is.
    """

    scope: Scope
    version: int
    fault: str | None


def audit(
    store: ModelStore, scopes: Iterable[Scope], *, keys: Iterable[PublicKey] | None = None, champions: bool = False
) -> Iterator[Audited]:
    """Check every version of the scopes as a phone would, and that the versions fit together.

    Args:
        store: Whose.
        scopes: Which.
        keys: Keys to trust instead of those that the store names: whoever could write to the store could add one there.
        champions: Only look at what is served.

    Yields:
        Each version with what is wrong with it.
    """
    trusted = store.keys() if keys is None else list(keys)
    for scope in scopes:
        versions = store.versions(scope)
        for before, version in pairwise([None, *versions]):
            if version is not None and (version == versions[-1] or not champions):
                yield Audited(scope, version, _fault(store, scope, version, before, trusted))


def signed_by(store: ModelStore, key_id: str) -> list[Scope]:
    """Scopes whose champion was signed with a key."""
    champions = ((scope, store.champion(scope)) for scope in store.scopes())
    return [scope for scope, champion in champions if champion is not None and champion.signature.key_id == key_id]


def _fault(store: ModelStore, scope: Scope, version: int, before: int | None, trusted: list[PublicKey]) -> str | None:
    published = store.version(scope, version)
    if published is None:
        return "is missing"
    try:
        blob = store.blob(published.blob)
        manifest = check_manifest(published.manifest, published.signature, trusted, blob).manifest
    except (ManifestError, UnknownBlobError, DamagedBlobError) as error:
        return f"{type(error).__name__.removesuffix('Error').lower()}: {error}"
    if manifest.previous != before:
        return f"previous: follows version {manifest.previous}, the store has {before} before it"
    if (manifest.scope, manifest.version, manifest.weights.sha256) != (scope, version, published.blob):
        return "manifest: belongs to another scope, version or blob than it is kept under"
    return _unlike_its_origin(store, published, manifest.restores)


def _unlike_its_origin(store: ModelStore, published: Published, restores: int | None) -> str | None:
    if published.origin != (restores or published.version):
        return f"origin: {published.origin}, its manifest says {restores or published.version}"
    if restores is not None:
        first = store.version(published.scope, restores)
        if first is None or first.blob != published.blob:
            return f"restores: version {restores}, which is another model"
    return None
