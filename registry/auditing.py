"""Whether everything that a store has ever published can still be believed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from kinelog.device.blob import BlobError, unpack_blob
from kinelog.device.evaluation import check_vectors
from kinelog.registry.checking import check_manifest, check_model
from kinelog.registry.errors import DamagedBlobError, ManifestError, UnknownBlobError
from kinelog.registry.manifest import Manifest, read_manifest
from kinelog.registry.records import Published
from kinelog.registry.scope import Scope
from kinelog.registry.signing import PublicKey
from kinelog.registry.store import ModelStore

_CAPITAL: Final = re.compile(r"(?<!^)(?=[A-Z])")


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
        if not versions and (fault := _not_what_is_served(store, scope, 0)) is not None:
            yield Audited(scope, 0, fault)
        for before, version in pairwise([None, *versions]):
            if version is not None and (version == versions[-1] or not champions):
                fault = _fault(store, scope, version, before, trusted)
                if fault is None and version == versions[-1]:
                    fault = _not_what_is_served(store, scope, version)
                yield Audited(scope, version, fault)


def held_ready(store: ModelStore, scope: Scope) -> Iterator[Audited]:
    """Check what `rollback` and `promote` would bring: the model before the champion's, and the challenger.

    Not their signatures: both would be signed anew.

    Yields:
        Each that is there, with what is wrong with it; the challenger as version 0.
    """
    previous, challenger = store.previous(scope), store.challenger(scope)
    if previous is not None:
        yield Audited(scope, previous.version, _unusable(store, read_manifest(previous.manifest), previous.blob))
    if challenger is not None:
        yield Audited(scope, 0, _unusable(store, None, challenger.blob))


def signed_by(store: ModelStore, key_id: str) -> list[Scope]:
    """Scopes whose champion was signed with a key."""
    champions = ((scope, store.champion(scope)) for scope in store.scopes())
    return [scope for scope, champion in champions if champion is not None and champion.signature.key_id == key_id]


def _unusable(store: ModelStore, manifest: Manifest | None, blob: str) -> str | None:
    try:
        data = store.blob(blob)
        if manifest is None:
            check_vectors(unpack_blob(data))
        else:
            check_model(manifest, data)
    except (ManifestError, BlobError, UnknownBlobError, DamagedBlobError) as error:
        return _named(error)
    return None


def _named(error: Exception) -> str:
    return f"{_CAPITAL.sub(' ', type(error).__name__.removesuffix('Error')).lower()}: {error}"


def _not_what_is_served(store: ModelStore, scope: Scope, newest: int) -> str | None:
    champion = store.champion(scope)
    if (0 if champion is None else champion.version) != newest:
        served = "nothing" if champion is None else f"version {champion.version}"
        return f"champion: {served} is served, version {newest} is the newest"
    return None


def _fault(store: ModelStore, scope: Scope, version: int, before: int | None, trusted: list[PublicKey]) -> str | None:
    published = store.version(scope, version)
    if published is None:
        return "is missing"
    try:
        blob = store.blob(published.blob)
        manifest = check_manifest(published.manifest, published.signature, trusted, blob).manifest
    except (ManifestError, UnknownBlobError, DamagedBlobError) as error:
        return _named(error)
    if manifest.previous != before:
        return f"previous: follows version {manifest.previous}, the store has {before} before it"
    if (manifest.scope, manifest.version, manifest.weights.sha256) != (scope, version, published.blob):
        return "manifest: belongs to another scope, version or blob than it is kept under"
    replaced = None if before is None else store.version(scope, before)
    if replaced is not None and replaced.number >= published.number:
        return f"number: {published.number}, version {before} before it has {replaced.number}"
    return _unlike_its_origin(store, published, manifest.restores)


def _unlike_its_origin(store: ModelStore, published: Published, restores: int | None) -> str | None:
    if published.origin != (restores or published.version):
        return f"origin: {published.origin}, its manifest says {restores or published.version}"
    if restores is not None:
        first = store.version(published.scope, restores)
        if first is None or first.blob != published.blob:
            return f"restores: version {restores}, which is another model"
    return None
