"""The gym floor whose questions are answered by Cassandra."""

from __future__ import annotations

from pathlib import Path

from kinelog.projections.cassandra.read_side import CassandraReadSide
from typing_extensions import override

from tests.projections.copied_views import CopiedViews
from tests.projections.gym_floor import GymFloor


class CopiedFloor(GymFloor):
    """Folds into the embedded store, and copies that into the query tables which are then asked."""

    def __init__(self, folder: Path, copied: CopiedViews) -> None:
        super().__init__(folder)
        self.copied = copied
        self.embedded = self.read_side
        self.read_side = CassandraReadSide(copied.connection, self.journal.shards, lambda: self.now_ms)

    @override
    def project(self) -> None:
        super().project()
        self.copied.copy(self.store)

    @override
    def close(self) -> None:
        self.embedded.close()
        super().close()
        self.copied.clear()
