"""All models of one store in another, as they are: bytes, signatures, versions. May be killed and repeated."""

from __future__ import annotations

from contextlib import suppress

import msgspec
from kinelog.registry.errors import RetiredKeyError
from kinelog.registry.manifest import read_manifest
from kinelog.registry.store import PAGE, ModelStore

_ALL_RUNS = 1 << 20


class CopiedModels(msgspec.Struct, frozen=True):
    """What the destination holds of the source now."""

    blobs: int
    publications: int
    challengers: int
    populations: int
    runs: int
    confirmation_uses: int
    keys: int


NOTHING = CopiedModels(blobs=0, publications=0, challengers=0, populations=0, runs=0, confirmation_uses=0, keys=0)
"""Of a store that is not there yet."""


def copy_models(source: ModelStore, destination: ModelStore) -> CopiedModels:
    """Copy everything but leases, whose holders hold something of the source, and private keys.

    Every write is one that may be repeated, so a copy that was killed is finished by another one.

    Args:
        source: Nobody publishes there meanwhile.
        destination: Empty, or an unfinished copy of this source.

    Raises:
        VersionConflictError: The destination has other publications.
        InconsistentPublicationError: The destination was put back from a backup and begins its versions above these.
    """
    return CopiedModels(
        keys=_copy_keys(source, destination),
        blobs=_copy_blobs(source, destination),
        publications=_copy_publications(source, destination),
        challengers=_copy_challengers(source, destination),
        populations=_copy_populations(source, destination),
        runs=_copy_runs(source, destination),
        confirmation_uses=_copy_uses(source, destination),
    )


def _copy_keys(source: ModelStore, destination: ModelStore) -> int:
    trusted, retired = source.keys(), source.retired_keys()
    for key in (*retired, *trusted):
        with suppress(RetiredKeyError):  # an earlier copy has retired it there already
            destination.add_key(key)
    for key in retired:
        destination.retire_key(key.key_id)
    return len(trusted) + len(retired)


def _copy_blobs(source: ModelStore, destination: ModelStore) -> int:
    # Before whatever names them; populations do too, and only the fit can read those.
    hashes, there = source.blobs(), set(destination.blobs())
    for sha256 in hashes:
        if sha256 not in there:
            destination.put_blob(source.blob(sha256))
    return len(hashes)


def _copy_publications(source: ModelStore, destination: ModelStore) -> int:
    count = last = 0
    while page := source.publications(after=last, limit=PAGE):
        for published in page:
            expected = read_manifest(published.manifest).previous
            destination.publish(
                published.scope, published.manifest, published.signature, published.blob, expected=expected
            )
            count, last = count + 1, published.number
    return count


def _copy_challengers(source: ModelStore, destination: ModelStore) -> int:
    kept = [source.challenger(scope) for scope in {*source.scopes(), *source.populations()}]
    challengers = [challenger for challenger in kept if challenger is not None]
    for challenger in challengers:
        destination.set_challenger(challenger.scope, challenger.draft, challenger.blob)
    return len(challengers)


def _copy_populations(source: ModelStore, destination: ModelStore) -> int:
    scopes = source.populations()
    for scope in scopes:
        destination.save_population(scope, source.population(scope) or b"")
    return len(scopes)


def _copy_runs(source: ModelStore, destination: ModelStore) -> int:
    entries = source.runs(limit=_ALL_RUNS)
    for entry in reversed(entries):  # the oldest first: a list of runs begins with what was saved last
        destination.save_run(entry.run_id, source.run(entry.run_id) or b"")
    return len(entries)


def _copy_uses(source: ModelStore, destination: ModelStore) -> int:
    uses = source.all_confirmation_uses()
    for use in uses:
        destination.use_confirmation(use.scope, use.set_hash, use.use)
    return len(uses)
