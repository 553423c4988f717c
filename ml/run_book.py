"""The records of nights in the model store: which one goes on, and how far it had come.

A night that was killed is the same night when it is run again with the same data, settings and code: it has the same
id, so what it decided stays decided, and a use of the confirmation sessions is counted once.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
from kinelog.ml.lease_keeper import LeaseKeeper
from kinelog.ml.run_record import DatasetSummary, NightRecord, RecordError, ScopeRecord, record_of, stored_record
from kinelog.ml.set_drawing import MOST_SETS
from kinelog.registry.store import ModelStore

LOOKED_AT = 200
"""Newest runs that are looked at for one to go on with."""
RUN_ID = 64
"""Characters that the store takes of a night's name."""
_MOMENT = len("20260101-000000-000-")
"""Of them say when it began."""


class NightSettings(msgspec.Struct, frozen=True):
    """What somebody who starts a night chooses.

    Attributes:
        tenant: Whose people.
        candidates: Genomes that compete in each pool.
        folds: Parts of the selection sessions.
        seed: Of everything that is drawn.
        most_sets: Of a pool.
    """

    tenant: str
    candidates: int = 30
    folds: int = 5
    seed: int = 1
    most_sets: int = MOST_SETS


class UnreadableRecord(NamedTuple):
    """A record that a newer version wrote, or that is damaged.

    Attributes:
        run: Whose.
        reason: Why it cannot be read.
    """

    run: str
    reason: str

    def is_of(self, tenant: str) -> bool:
        """Whether its name ends as those of the tenant's nights do."""
        return self.run[_MOMENT:] == tenant[: RUN_ID - _MOMENT]


def stored_records(store: ModelStore, limit: int = LOOKED_AT) -> list[NightRecord | UnreadableRecord]:
    """Records of nights, the newest first."""
    found: list[NightRecord | UnreadableRecord] = []
    for entry in store.runs(limit):
        data = store.run(entry.run_id)
        if data is not None:
            try:
                found.append(record_of(data))
            except RecordError as error:
                found.append(UnreadableRecord(entry.run_id, str(error)))
    return found


def records_of(store: ModelStore, tenant: str | None = None, limit: int = LOOKED_AT) -> list[NightRecord]:
    """Records of nights that can be read, the newest first."""
    return [
        record
        for record in stored_records(store, limit)
        if isinstance(record, NightRecord) and (tenant is None or record.tenant == tenant)
    ]


@dataclass
class RunBook:
    """The record of the night that is at work; saved after each step that must not be done twice.

    Attributes:
        resumed: Whether the night was begun before.
        unreadable: Records of the tenant's that could not be looked at for one to go on with.
    """

    store: ModelStore
    keeper: LeaseKeeper
    record: NightRecord
    resumed: bool
    unreadable: tuple[UnreadableRecord, ...] = ()
    _done: dict[str, ScopeRecord] = field(default_factory=dict)

    @classmethod
    def opened(
        cls,
        store: ModelStore,
        keeper: LeaseKeeper,
        settings: NightSettings,
        engine: str,
        code: str,
        data: DatasetSummary,
    ) -> RunBook:
        """Go on with the night that was killed, or begin a new one."""
        stored = stored_records(store)
        past = [one for one in stored if isinstance(one, NightRecord) and one.tenant == settings.tenant]
        # A night whose record is damaged is not gone on with: its uses of the confirmation sets stay counted, under its
        # name, so what the new night decides is decided under a rule that is stricter and never laxer.
        unreadable = tuple(one for one in stored if isinstance(one, UnreadableRecord) and one.is_of(settings.tenant))
        for record in past:
            if record.state == "running" and _same(record, settings, code, data):
                book = cls(store, keeper, record, resumed=True, unreadable=unreadable)
                book._done = {_path(scope): scope for scope in record.scopes}
                return book
        now = time.time_ns() // 1_000_000
        finished = next((record.run for record in past if record.state == "done"), None)
        record = NightRecord(
            run=_new_id(settings.tenant, now),
            tenant=settings.tenant,
            state="running",
            started_ms=now,
            seed=settings.seed,
            engine=engine,
            code_version=code,
            candidates=settings.candidates,
            folds=settings.folds,
            previous_run=finished,
            dataset=data,
            most_sets=settings.most_sets,
        )
        book = cls(store, keeper, record, resumed=False, unreadable=unreadable)
        book.save()
        return book

    def update(self, **changes: object) -> None:
        """Change the record and save it."""
        self.record = msgspec.structs.replace(self.record, **changes)
        self.save()

    def scope(self, cluster: str, sensors: tuple[str, ...]) -> ScopeRecord | None:
        """What this night has decided of a scope already."""
        return self._done.get(f"{cluster}/{'+'.join(sensors)}")

    def put(self, scope: ScopeRecord) -> None:
        """Write down what was decided of a scope, in place of what stood there."""
        self._done[_path(scope)] = scope
        self.update(scopes=tuple(self._done[path] for path in sorted(self._done)))

    def save(self) -> None:
        """Write the record; refused once another night has taken over."""
        self.store.save_run(self.record.run, stored_record(self.record), lease=self.keeper.lease)


def _same(record: NightRecord, settings: NightSettings, code: str, data: DatasetSummary) -> bool:
    asked = (settings.candidates, settings.folds, settings.seed, settings.most_sets, code)
    there = (record.candidates, record.folds, record.seed, record.most_sets, record.code_version)
    return asked == there and record.dataset is not None and record.dataset.sha256 == data.sha256


def _path(scope: ScopeRecord) -> str:
    return f"{scope.cluster}/{'+'.join(scope.sensors)}"


def _new_id(tenant: str, now_ms: int) -> str:
    moment = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now_ms / 1000))
    return f"{moment}-{now_ms % 1000:03d}-{tenant}"[:RUN_ID]
