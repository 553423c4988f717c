"""The gym floor with two workers: one keeps the embedded views, the other those on a cluster."""

from __future__ import annotations

from pathlib import Path

from kinelog.cassandra_session.connection import Connection
from kinelog.projections.cassandra.cassandra_views import CassandraViews
from kinelog.projections.cassandra.read_side import CassandraReadSide
from typing_extensions import override

from tests.projections.gym_floor import GymFloor


class WrittenFloor(GymFloor):
    """Asked through the cluster; `embedded` answers the same questions."""

    def __init__(self, folder: Path, connection: Connection) -> None:
        super().__init__(folder)
        self.written = self.new_worker(CassandraViews(connection, self.journal.shards))
        self.embedded = self.read_side
        self.read_side = CassandraReadSide(connection, self.journal.shards, lambda: self.now_ms)

    @override
    def project(self) -> None:
        super().project()
        self.written.catch_up()

    @override
    def close(self) -> None:
        self.embedded.close()
        super().close()
