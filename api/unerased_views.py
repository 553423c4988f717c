"""The views without the erased: from the answer to an erasure on, though the projections are yet to hear of it."""

from __future__ import annotations

import msgspec
from kinelog.domain.identifiers import person_of
from kinelog.privacy.key_store import KeyStore
from kinelog.projections.read_side import PageKey, ReadSide
from kinelog.projections.rows import (
    LabelRow,
    LiveRow,
    OccupancyRow,
    Page,
    ParkedRow,
    PersonRow,
    RejectRow,
    SampleRow,
    SessionRow,
    SetRow,
    StationUseRow,
)
from typing_extensions import override


class UnerasedViews(ReadSide):
    """Leaves out every row of a person whom the list of erasures names.

    Rows leave the views when their worker reads UserErased: a moment later, or much later if it stands still. Who was
    told that nothing can be read any more must be told the truth. Counts without names follow with the worker.
    """

    def __init__(self, views: ReadSide, keys: KeyStore) -> None:
        """Ask `views`, and `keys` about who was erased."""
        self._views = views
        self._keys = keys

    @override
    def sessions_of_person(
        self, tenant: str, person: str, from_ms: int | None, to_ms: int | None, after: PageKey | None, limit: int
    ) -> Page:
        return self._page(tenant, self._views.sessions_of_person(tenant, person, from_ms, to_ms, after, limit))

    @override
    def sessions_of_gym(
        self, tenant: str, gym: str, from_ms: int | None, to_ms: int | None, after: PageKey | None, limit: int
    ) -> Page:
        return self._page(tenant, self._views.sessions_of_gym(tenant, gym, from_ms, to_ms, after, limit))

    @override
    def session(self, tenant: str, session: str, person: str | None = None) -> list[SessionRow]:
        return self._sessions(tenant, self._views.session(tenant, session, person))

    @override
    def sets(self, tenant: str, person: str, session: str) -> list[SetRow]:
        return [] if self._keys.is_erased(tenant, person) else self._views.sets(tenant, person, session)

    @override
    def samples(
        self, tenant: str, person: str, session: str, from_ms: int | None, to_ms: int | None, limit: int
    ) -> list[SampleRow]:
        if self._keys.is_erased(tenant, person):
            return []
        return self._views.samples(tenant, person, session, from_ms, to_ms, limit)

    @override
    def rejects(self, tenant: str, person: str, session: str, limit: int) -> list[RejectRow]:
        return [] if self._keys.is_erased(tenant, person) else self._views.rejects(tenant, person, session, limit)

    @override
    def occupancy(self, tenant: str, gym: str, from_hour: str, to_hour: str) -> list[OccupancyRow]:
        return self._views.occupancy(tenant, gym, from_hour, to_hour)

    @override
    def station_use(self, tenant: str, gym: str, from_day: str, to_day: str) -> list[StationUseRow]:
        return self._views.station_use(tenant, gym, from_day, to_day)

    @override
    def training_now(self, tenant: str, gym: str) -> list[SessionRow]:
        return self._sessions(tenant, self._views.training_now(tenant, gym))

    @override
    def live(self, tenant: str, gym: str, after: dict[int, int], limit: int) -> list[LiveRow]:
        positions = dict(after)
        while True:
            rows = self._views.live(tenant, gym, positions, limit)
            left = [row for row in rows if not self._keys.is_erased(tenant, row.person)]
            # A feed goes on behind the last row that it was given: were it given none while there are more, it would
            # stand still in front of everything that one erased person did.
            if left or len(rows) < limit:
                return left
            for row in rows:
                positions[row.shard] = max(row.position, positions.get(row.shard, 0))

    @override
    def labels(self, tenant: str, exercise: str | None = None) -> list[LabelRow]:
        return [row for row in self._views.labels(tenant, exercise) if not self._keys.is_erased(tenant, row.person)]

    @override
    def people(self, tenant: str, after: str | None, limit: int) -> list[PersonRow]:
        while rows := self._views.people(tenant, after, limit):
            left = [row for row in rows if not self._keys.is_erased(tenant, row.person)]
            if left:  # a page without a row would be the end of the list
                return left
            after = rows[-1].person
        return []

    @override
    def parked(self) -> list[ParkedRow]:
        return [row for row in self._views.parked() if not self._keys.is_erased(*person_of(row.entity))]

    @override
    def as_of(self) -> dict[int, int]:
        return self._views.as_of()

    @override
    def close(self) -> None:
        self._views.close()

    def _page(self, tenant: str, page: Page) -> Page:
        return msgspec.structs.replace(page, rows=tuple(self._sessions(tenant, page.rows)))

    def _sessions(self, tenant: str, rows: tuple[SessionRow, ...] | list[SessionRow]) -> list[SessionRow]:
        return [row for row in rows if not self._keys.is_erased(tenant, row.person)]
