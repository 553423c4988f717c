"""Published models near at hand: what phones ask for again and again is read from the store once in a while."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from kinelog.registry.errors import UnknownBlobError
from kinelog.registry.scope import Scope
from kinelog.registry.store import ModelStore

V = TypeVar("V")

CHAMPIONS = 256
BLOBS = 256
"""Kept at once; a manifest has at most a quarter of a megabyte, a blob 48 KiB."""


@dataclass(frozen=True, slots=True)
class Shelved:
    """A champion, ready to be served.

    Attributes:
        manifest: The signed bytes.
        etag: Strong: the hash of exactly these bytes.
        signature: As it stands in its header.
        version: Which it is.
    """

    manifest: bytes
    etag: str
    signature: str
    version: int


class _Recent(Generic[V]):
    """The values that were used last. For one thread at a time, as `ModelShelf` sees to."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[object, V] = OrderedDict()

    def get(self, key: object) -> V | None:
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def put(self, key: object, value: V) -> None:
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self._most:
            self._values.popitem(last=False)


class ModelShelf:
    """Asked on the event loop, where nothing of it blocks; `read_…` block and are for threads.

    A champion is looked up again after `ttl_s`; a blob never: its name is its hash. What is not there is not kept.
    """

    def __init__(self, store: ModelStore, ttl_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Serve from this store, with a clock of seconds."""
        self._store = store
        self._ttl_s = ttl_s
        self._clock = clock
        self._champions: _Recent[tuple[float, Shelved]] = _Recent(CHAMPIONS)
        self._blobs: _Recent[bytes] = _Recent(BLOBS)

    def champion(self, scope: Scope) -> Shelved | None:
        """The champion, if it was looked up a moment ago."""
        known = self._champions.get(scope)
        return known[1] if known is not None and self._clock() < known[0] else None

    def read_champion(self, scope: Scope) -> Shelved | None:
        """The champion as the store has it; None if nothing was published.

        Raises:
            RegistryError: The store does not answer.
        """
        published = self._store.champion(scope)
        if published is None:
            return None
        etag = f'"{hashlib.sha256(published.manifest).hexdigest()}"'
        return Shelved(published.manifest, etag, published.signature.header, published.version)

    def keep_champion(self, scope: Scope, shelved: Shelved) -> None:
        """Remember it for a moment."""
        self._champions.put(scope, (self._clock() + self._ttl_s, shelved))

    def blob(self, tenant: str, sha256: str) -> bytes | None:
        """A blob, if the same tenant was given it before."""
        return self._blobs.get((tenant, sha256))

    def read_blob(self, tenant: str, sha256: str) -> bytes | None:
        """A blob that a manifest of the tenant's names; None for any other, whether it exists or not.

        Raises:
            RegistryError: The store does not answer, or what lies there is damaged.
        """
        if not self._store.serves(tenant, sha256):
            return None
        try:
            return self._store.blob(sha256)
        except UnknownBlobError:
            return None

    def keep_blob(self, tenant: str, sha256: str, blob: bytes) -> None:
        """Remember it."""
        self._blobs.put((tenant, sha256), blob)
