"""What every store checks before it writes anything."""

from __future__ import annotations

import re
from typing import NamedTuple

from kinelog.registry.errors import InconsistentPublicationError, TooLargeError
from kinelog.registry.manifest import BLOB_BYTES, read_manifest
from kinelog.registry.scope import Scope

POPULATION_BYTES = 4 << 20
RUN_BYTES = 4 << 20
_RUN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Claimed(NamedTuple):
    """What a manifest says that it is published as.

    Attributes:
        version: Its version.
        origin: The version that first brought its model.
    """

    version: int
    origin: int


def require_consistent(scope: Scope, manifest: bytes, blob: str, expected: int | None) -> Claimed:
    """Refuse a manifest that says something else than what it is published as.

    Raises:
        InconsistentPublicationError: It does.
        ManifestError: It cannot be read.
    """
    said = read_manifest(manifest)
    for field, value, wanted in (
        ("scope", said.scope.path, scope.path),
        ("previous", said.previous, expected or None),
        ("weights.sha256", said.weights.sha256, blob),
    ):
        if value != wanted:
            raise InconsistentPublicationError(f"{field} is {value} in the manifest and {wanted} in the publication")
    if said.version <= (said.previous or 0):
        raise InconsistentPublicationError(f"version {said.version} cannot follow version {said.previous}")
    if said.restores is not None and said.restores >= said.version:
        raise InconsistentPublicationError(f"version {said.version} cannot bring version {said.restores} back")
    return Claimed(said.version, said.restores or said.version)


def require_next(claimed: Claimed, newest: int | None, floor: int) -> None:
    """Refuse a version that may have been given already. Larger ones than the next are taken: a copy keeps them.

    Raises:
        InconsistentPublicationError: It does not.
    """
    if claimed.version < (following := next_version(newest, floor)):
        raise InconsistentPublicationError(f"version is {claimed.version} in the manifest, {following} comes next")


def next_version(newest: int | None, floor: int) -> int:
    """The version that follows the newest one of a scope, in a store whose versions begin behind a floor."""
    return max(newest or 0, floor) + 1


def require_size(what: str, data: bytes, most: int = BLOB_BYTES) -> None:
    """Refuse more bytes than the store takes.

    Raises:
        TooLargeError: There are.
    """
    if len(data) > most:
        raise TooLargeError(f"{what} has {len(data)} bytes, the store takes {most}")


def require_run_id(run_id: str) -> None:
    """Refuse an id that is not written as ids of runs are.

    Raises:
        ValueError: It is not.
    """
    if not _RUN_ID.fullmatch(run_id):
        raise ValueError(f"{run_id[:80]!r} is no id of a run: 1 to 64 of a-z, A-Z, 0-9, dot, dash and underscore")
