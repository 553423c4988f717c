"""A model store whose process dies at a chosen write: before it, or after it was stored but before anybody heard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from kinelog.registry.records import Challenger, Lease, Published
from kinelog.registry.scope import Scope
from kinelog.registry.signing import Signature
from kinelog.registry.sqlite_model_store import SqliteModelStore
from typing_extensions import override

Answer = TypeVar("Answer")


class KilledError(BaseException):
    """As SIGKILL: nothing catches it, and nothing is written on the way out."""


class MortalStore(SqliteModelStore):
    """Dies once, at the write of this number; every write from then on dies too."""

    def __init__(self, path: Path, at: int, *, heard: bool, now_ms: Callable[[], int]) -> None:
        super().__init__(path, clock_ms=now_ms)
        self.writes = 0
        self._at, self._stored = at, not heard

    def _write(self, write: Callable[[], Answer]) -> Answer:
        self.writes += 1
        if self.writes < self._at:
            return write()
        if self.writes == self._at and self._stored:
            write()
        raise KilledError

    @override
    def put_blob(self, data: bytes) -> str:
        return self._write(lambda: super(MortalStore, self).put_blob(data))

    @override
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
        return self._write(
            lambda: SqliteModelStore.publish(self, scope, manifest, signature, blob, expected=expected, lease=lease)
        )

    @override
    def set_challenger(self, scope: Scope, draft: bytes, blob: str, *, lease: Lease | None = None) -> Challenger:
        return self._write(lambda: SqliteModelStore.set_challenger(self, scope, draft, blob, lease=lease))

    @override
    def save_population(self, scope: Scope, data: bytes, *, lease: Lease | None = None) -> None:
        self._write(lambda: SqliteModelStore.save_population(self, scope, data, lease=lease))

    @override
    def save_run(self, run_id: str, record: bytes, *, lease: Lease | None = None) -> None:
        self._write(lambda: SqliteModelStore.save_run(self, run_id, record, lease=lease))

    @override
    def use_confirmation(self, scope: Scope, set_hash: str, use: str) -> int:
        return self._write(lambda: SqliteModelStore.use_confirmation(self, scope, set_hash, use))

    @override
    def release(self, lease: Lease) -> None:
        if self.writes < self._at:
            super().release(lease)
