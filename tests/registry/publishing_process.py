"""A process of its own that publishes what it is given; imports little, so that it starts fast."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kinelog.registry.scope import Scope
from kinelog.registry.signing import Signature
from kinelog.registry.sqlite_model_store import SqliteModelStore

Work = tuple[Scope, bytes, Signature, bytes, int | None]
"""Scope, manifest, its signature, blob, and the version expected."""


def publish_all(file: Path, work: Sequence[Work]) -> None:
    """Publish one after the other."""
    with SqliteModelStore(file) as store:
        for scope, manifest, signature, blob, expected in work:
            store.publish(scope, manifest, signature, store.put_blob(blob), expected=expected)
