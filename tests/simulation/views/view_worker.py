"""A process that folds the log into tables of the cluster: it pauses anywhere, dies, and is started again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kinelog.cassandra_session.errors import CassandraError

from tests.simulation.cluster.client import Client

if TYPE_CHECKING:
    from kinelog.projections.worker import ProjectionWorker

    from tests.simulation.views.views_world import ViewsWorld

QUIET_MS = 200
"""Rest between two batches once nothing goes wrong any more."""


class ViewWorker:
    """One worker process; its lives are numbered."""

    def __init__(self, world: ViewsWorld) -> None:
        self._world = world
        self._life = 0
        self._awake = True
        self._working = False
        self._pause_ms = 0
        self._worker = self._new()

    def step(self) -> None:
        """Fold a batch unless one is being folded, and do it again after a while."""
        world = self._world
        if self._awake and not self._working:
            self._working = True
            if self._pause_ms:
                world.clockwork.later(world.rng.randint(0, 20 * world.faults.slow_ms), self._stand_still)
            life, worker = self._life, self._worker
            try:
                worker.step()
            except CassandraError:
                # Whoever runs a worker starts it again; half of the time it goes on with what it knew.
                if life == self._life and world.rng.random() < 0.5:
                    self._worker = self._new()
            finally:
                self._working = False
        world.clockwork.later(world.rng.randint(1, world.rest_ms if world.faulty else QUIET_MS), self.step)

    def pause(self, length_ms: int) -> None:
        """Stand still in the middle of the next batch, if not of this; the world does not stand still meanwhile."""
        self._pause_ms = length_ms
        if self._working:
            self._stand_still()

    def _stand_still(self) -> None:
        length_ms, self._pause_ms = self._pause_ms, 0
        if length_ms and self._awake:
            self._awake = False
            self._world.clockwork.later(length_ms, self.go_on)
            self._world.clockwork.later(length_ms // 4, self._world.somebody_is_erased)

    def go_on(self) -> None:
        """Wake up."""
        self._awake = True

    def crash(self) -> None:
        """Forget everything; what was half-written stays so."""
        self._life += 1
        self._awake = True
        self._worker = self._new()

    def _new(self) -> ProjectionWorker:
        life = self._life
        client = Client(self._world.link, lambda: self._life == life, lambda: self._awake)
        return self._world.floor.new_worker(self._world.new_store(client))
