"""One night of one tenant: plan, select, refit, keep the ten, confirm, publish, write it down.

Each step either changes nothing outside the cache, or is saved under the night's id before the next one begins, so that
a night that was killed anywhere goes on where it was, decides the same and publishes once. Everything durable is in the
model store; the work folder holds what can be computed again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kinelog.ml import fit_data
from kinelog.ml.code_version import code_version
from kinelog.ml.engines.port import Engine, EngineError
from kinelog.ml.folds import key_of, split, unit_of
from kinelog.ml.kept_state import DamagedStateError
from kinelog.ml.lease_keeper import TTL_S, LeaseKeeper
from kinelog.ml.night_data import FOLDER as EXAMPLES
from kinelog.ml.night_data import NightData, NightDataError, Offered, laid_down
from kinelog.ml.night_log import NightLog
from kinelog.ml.night_plan import Plan, plan_of
from kinelog.ml.night_publishing import Publisher
from kinelog.ml.night_scopes import ScopeNight
from kinelog.ml.night_state import NightState
from kinelog.ml.night_work import NightWork, ResultMissingError
from kinelog.ml.run_book import NightSettings, RunBook
from kinelog.ml.run_record import ClusterSummary, Cost, DatasetSummary, NightRecord, PhaseCost
from kinelog.ml.scope_pool import ScopePool
from kinelog.ml.selection import NightContext
from kinelog.ml.tasks import Place
from kinelog.registry.errors import RegistryError
from kinelog.registry.signing import SigningKey
from kinelog.registry.store import ModelStore
from kinelog.registry.sweeping import KEPT_MS

LEASE: Final = "fit"
WAIT_S: Final = 60.0
"""For the lease of a night that was killed: a little longer than it lives."""
BY_SET: Final = "most labels occur in one session only: sets were judged by other sets of their sessions"


class NoDataError(Exception):
    """There is nothing that a model could be fitted to; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a night works with.

    Attributes:
        store: Models, populations, runs, the lease.
        key: Signs manifests.
        engine: Runs tasks.
        folder: For arrays and results; shared with the engine's workers.
        log: Told what happens.
        holder: Who works, for people to read: machine and process.
        wait_s: How long to wait for the lease.
        lease_s: How long the lease outlives a night that was killed.
    """

    store: ModelStore
    key: SigningKey
    engine: Engine
    folder: Path
    log: NightLog
    holder: str
    wait_s: float = WAIT_S
    lease_s: float = TTL_S


def run_night(around: Surroundings, settings: NightSettings, offer: Callable[[], Offered]) -> NightRecord:
    """Do a night, or go on with the one that was killed.

    Args:
        around: Store, engine, folder, log.
        settings: Whose night, how large.
        offer: Asked for the data set, once the lease is ours.

    Raises:
        LeaseHeldError: Another run works for this tenant.
        LeaseLostError: Another run has taken over meanwhile.
        NoDataError: There is too little data for any model.
        NightDataError: Somebody has left meanwhile, and their samples with them.
        DamagedStateError: What nights before this one handed on cannot be read.
        EngineError: Tasks cannot be run.
        RegistryError: The store does not answer, or refuses.
    """
    name = f"{LEASE}/{settings.tenant}"
    keeper = LeaseKeeper(around.store, name, around.holder, wait_s=around.wait_s, ttl_s=around.lease_s)
    with keeper:
        return _Night(around, settings, keeper).work(offer)


class _Night:
    """What a night knows while it works."""

    def __init__(self, around: Surroundings, settings: NightSettings, keeper: LeaseKeeper) -> None:
        self._around, self._settings, self._keeper = around, settings, keeper
        self._seconds: dict[str, float] = {}
        self._arrays = around.folder / "arrays" / settings.tenant
        place = Place(str(self._arrays), str(around.folder / "results"))
        self._context = NightContext(settings.seed, code_version(), place)
        self._work = NightWork.of(around.engine, Path(place.results), around.log)

    def work(self, offer: Callable[[], Offered]) -> NightRecord:
        # A night that was killed could not remove them.
        fit_data.remove(self._arrays)
        try:
            book = self._worked(offer)
        finally:
            # People's samples: they stay only as long as they are needed.
            fit_data.remove(self._arrays)
        self._work.cache.remove_old()
        self._sweep()
        book.update(state="done", finished_ms=time.time_ns() // 1_000_000, cost=self._cost())
        return book.record

    def _worked(self, offer: Callable[[], Offered]) -> RunBook:
        with self._phase("data"):
            self._around.log.phase("data", 1)
            data = laid_down(offer(), self._arrays)
            self._around.log.step()
        book = RunBook.opened(
            self._around.store,
            self._keeper,
            self._settings,
            self._around.engine.name,
            self._context.code_version,
            _summary(data),
        )
        self._around.log.event("night", run=book.record.run, resumed=book.resumed, dataset=data.sha256)
        if book.unreadable:
            newest = book.unreadable[0]
            self._around.log.event(
                "unreadable-records", records=len(book.unreadable), newest=newest.run, reason=newest.reason
            )
        try:
            with self._phase("plan"):
                plan = self._plan(book, data)
            self._scopes(book, plan, data.sha256)
        except (
            EngineError, ResultMissingError, NoDataError, NightDataError, DamagedStateError, RegistryError
        ) as error:  # fmt: skip
            self._failed(book, str(error))
            raise
        return book

    def _sweep(self) -> None:
        """Remove what only populations named that tonight's took the place of; of other tenants too."""
        before_ms = time.time_ns() // 1_000_000 - KEPT_MS
        removed = self._around.store.remove_unnamed_blobs(before_ms, lease=self._keeper.lease)
        self._around.log.event("swept", blobs=len(removed))

    def _plan(self, book: RunBook, data: NightData) -> Plan:
        unit = unit_of(data.sets)
        keys = {key_of(one, unit) for one in data.sets if one.label is not None}
        if not keys:
            # Before any state is made: a confirmation set is founded on sessions, not on their absence.
            raise NoDataError("no labelled set: label sets in the app, let people consent, or give --recordings")
        tenant = self._settings.tenant
        state = NightState(self._around.store, self._keeper, tenant, book.record.run)
        confirmation = state.confirmation(unit, keys)
        parts = split(data.sets, confirmation, self._settings.folds, unit)
        table, most = state.clusters(data.sets), self._settings.most_sets
        plan = plan_of(tenant, data, parts, table, confirmation.name, self._arrays, most)
        fit_data.remove(self._arrays / EXAMPLES)
        held = {key_of(data.sets[place], unit) for place in parts.confirmation.tolist()}
        book.update(
            clusters=plan.clusters,
            sensors=plan.sensors,
            warnings=(*(() if unit == "session" else (BY_SET,)), *self._left_out(plan.clusters)),
            dataset=_summary(data, len(held & keys)),
        )
        if not plan.pools:
            reasons = {one.left_out for one in plan.sensors if one.left_out}
            raise NoDataError("; ".join(sorted(reasons)))
        return plan

    def _left_out(self, clusters: Sequence[ClusterSummary]) -> Iterator[str]:
        """Say what no pool takes, of each cluster that has more sets than a pool may hold."""
        most = self._settings.most_sets
        for one in clusters:
            if one.left_out or one.held_left_out:
                self._around.log.event(
                    "sets-left-out", cluster=one.name, sets=one.left_out, confirming=one.held_left_out, most_sets=most
                )
                yield (
                    f"{one.name}: {one.left_out} of {one.examples} sets were left out, and {one.held_left_out} of those"
                    f" that confirm: a pool takes at most {most} (--most-sets)"
                )

    def _scopes(self, book: RunBook, plan: Plan, dataset: str) -> None:
        publisher = Publisher(self._around.store, self._around.key, self._keeper)
        scopes = ScopeNight(self._work, self._context, book, publisher, self._settings, dataset)
        with self._phase("select"):
            ranked = scopes.selected(plan.pools)
        with self._phase("refit"):
            models = scopes.refitted(ranked)
        with self._phase("confirm"):
            scopes.prepare(plan.pools, models)
            self._each("confirm", plan.pools, lambda pool: scopes.decide(pool, models[pool.scope.path]))
        with self._phase("publish"):
            whole = scopes.fit_whole(plan.pools, models)
            self._each(
                "publish",
                plan.pools,
                lambda pool: scopes.settle(pool, models[pool.scope.path], whole.get(pool.scope.path)),
            )

    def _each(self, phase: str, pools: Sequence[ScopePool], do: Callable[[ScopePool], None]) -> None:
        self._around.log.phase(phase, len(pools))
        for pool in pools:
            do(pool)
            self._around.log.step()

    def _failed(self, book: RunBook, reason: str) -> None:
        try:
            book.update(state="failed", failure=reason[:2000], cost=self._cost())
        except RegistryError as error:
            # The store is what failed: the record stays as it was, and the night is gone on with.
            self._around.log.event("record-not-saved", reason=str(error))

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self._seconds[name] = self._seconds.get(name, 0.0) + time.perf_counter() - started

    def _cost(self) -> Cost:
        spent = self._work.spent
        return Cost(
            phases=tuple(PhaseCost(name, seconds) for name, seconds in self._seconds.items()),
            fits=spent.fits,
            tasks=spent.tasks,
            tasks_reused=spent.reused,
            task_seconds=spent.task_s,
            preparation_seconds=spent.preparation_s,
            peak_worker_bytes=spent.peak_bytes,
        )


def _summary(data: NightData, confirmation_sessions: int = 0) -> DatasetSummary:
    labelled = [one for one in data.sets if one.label is not None]
    return DatasetSummary(
        sha256=data.sha256,
        note=data.note,
        examples=len(labelled),
        negatives=len(data.sets) - len(labelled),
        sessions=len({(one.person, one.session) for one in labelled}),
        person_count=len({one.person for one in labelled}),
        confirmation_sessions=confirmation_sessions,
        labels=data.labels,
        dropped=data.dropped,
    )
