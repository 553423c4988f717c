"""What may be asked of the structured tables, whatever store they are in."""

from __future__ import annotations

from abc import ABC, abstractmethod

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

PageKey = tuple[int, str, str]
"""`(started_at_ms, pseudonym, session)`: the ordering of every list of sessions, newest first."""

OPENING_DAYS = 2
"""Days on which anybody came to a gym of which `training_now` misses nobody."""


class ReadSide(ABC):
    """Questions about the views. Blocking; the API calls it from a thread pool. Thread-safe.

    Deleted sessions and erased people have no rows. Nothing is visible across tenants: tenant is part of every key.
    Every question raises `ViewsUnavailableError` while the views cannot be read.
    """

    @abstractmethod
    def sessions_of_person(
        self, tenant: str, person: str, from_ms: int | None, to_ms: int | None, after: PageKey | None, limit: int
    ) -> Page:
        """Sessions of a person that started in `[from, to)`, newest first, behind key `after`."""

    @abstractmethod
    def sessions_of_gym(
        self, tenant: str, gym: str, from_ms: int | None, to_ms: int | None, after: PageKey | None, limit: int
    ) -> Page:
        """Sessions at a gym that started in `[from, to)`, newest first, behind key `after`."""

    @abstractmethod
    def session(self, tenant: str, session: str, person: str | None = None) -> list[SessionRow]:
        """The sessions that hold this id (ids are unique per person only), or that of the given person."""

    @abstractmethod
    def sets(self, tenant: str, person: str, session: str) -> list[SetRow]:
        """Sets of a session by number; deleted ones included, marked."""

    @abstractmethod
    def samples(
        self, tenant: str, person: str, session: str, from_ms: int | None, to_ms: int | None, limit: int
    ) -> list[SampleRow]:
        """Rows of samples that start in `[from, to)`, by time, device and sensor; at most `limit` (1 or more)."""

    @abstractmethod
    def rejects(self, tenant: str, person: str, session: str, limit: int) -> list[RejectRow]:
        """Frames of a session that were kept aside, oldest first."""

    @abstractmethod
    def occupancy(self, tenant: str, gym: str, from_hour: str, to_hour: str) -> list[OccupancyRow]:
        """Sessions by local hour from `from_hour` to `to_hour` (`2026-11-20T18`), both included, over all shards.

        Years 0000 and 9999 stand for always.

        Raises:
            ValueError: Not an hour.
        """

    @abstractmethod
    def station_use(self, tenant: str, gym: str, from_day: str, to_day: str) -> list[StationUseRow]:
        """Use of stations by local day from `from_day` to `to_day` (`2026-11-20`), both included, over all shards.

        Years 0000 and 9999 stand for always.

        Raises:
            ValueError: Not a day.
        """

    @abstractmethod
    def training_now(self, tenant: str, gym: str) -> list[SessionRow]:
        """Open sessions at a gym, newest first: all that began on its `OPENING_DAYS` newest days with any beginning.

        Days are of UTC, and by when the service heard of the start. Of sessions that began earlier and are open still
        an adapter may show some, all or none: a session without a sign of life is abandoned after half an hour, so that
        only a phone that never stops sending has one so old, and who looks for it all the time would read years.
        """

    @abstractmethod
    def live(self, tenant: str, gym: str, after: dict[int, int], limit: int) -> list[LiveRow]:
        """Entries of the live stream behind the given position of each shard (absent shard: from its oldest kept).

        Cut by `limit`, they are still without holes in every shard.
        """

    @abstractmethod
    def labels(self, tenant: str, exercise: str | None = None) -> list[LabelRow]:
        """Labelled intervals of one exercise, or of all: what models are fitted to. By exercise, person and session."""

    @abstractmethod
    def people(self, tenant: str, after: str | None, limit: int) -> list[PersonRow]:
        """The first `limit` (1 or more) people of a tenant behind the pseudonym `after` (None: of all), in its order.

        Go on behind the last row's until there is no row: a page may be shorter than asked for.
        """

    @abstractmethod
    def parked(self) -> list[ParkedRow]:
        """Events that the live views could not fold, and those that wait behind them."""

    @abstractmethod
    def as_of(self) -> dict[int, int]:
        """Position by shard that the live views are folded up to."""

    @abstractmethod
    def close(self) -> None:
        """Close the store."""
