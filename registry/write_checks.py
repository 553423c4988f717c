"""What every store checks before it writes anything."""

from __future__ import annotations

import re

from kinelog.registry.errors import InconsistentPublicationError, TooLargeError
from kinelog.registry.manifest import BLOB_BYTES, read_manifest
from kinelog.registry.scope import Scope

POPULATION_BYTES = 4 << 20
RUN_BYTES = 4 << 20
_RUN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def require_consistent(scope: Scope, manifest: bytes, blob: str, expected: int | None) -> int:
    """Refuse a manifest that says something else than what it is published as; its model's first version.

    Raises:
        InconsistentPublicationError: It does.
        ManifestError: It cannot be read.
    """
    said = read_manifest(manifest)
    version = (expected or 0) + 1
    for field, value, wanted in (
        ("scope", said.scope.path, scope.path),
        ("version", said.version, version),
        ("previous", said.previous, expected or None),
        ("weights.sha256", said.weights.sha256, blob),
    ):
        if value != wanted:
            raise InconsistentPublicationError(f"{field} is {value} in the manifest and {wanted} in the publication")
    if said.restores is not None and said.restores >= version:
        raise InconsistentPublicationError(f"version {version} cannot bring version {said.restores} back")
    return said.restores or version


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
