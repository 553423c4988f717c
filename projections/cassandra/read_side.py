"""The read side over Cassandra: every question states which partitions it reads, every page is a slice behind a key.

A question is answered from one generation of each view. Views are folded at their own pace, and so are the rows of one
batch seen: what an answer is sure to hold is what `as_of` said before it was read.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import msgspec
from kinelog.cassandra_session.connection import Connection
from kinelog.cassandra_session.errors import CassandraError, MissingTableError
from kinelog.projections.cassandra import gym_reading, people_reading, session_content, session_pages
from kinelog.projections.cassandra.live_generations import LiveGenerations
from kinelog.projections.cassandra.parked_reading import parked_in
from kinelog.projections.cassandra.positions import Positions, folded_to
from kinelog.projections.cassandra.question import Question
from kinelog.projections.cassandra.registry import Registry
from kinelog.projections.errors import ViewsUnavailableError
from kinelog.projections.fold import Names
from kinelog.projections.gym_figures import occupancy_of, station_use_of
from kinelog.projections.local_time import end_of, interval, start_of, zone_named
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
from kinelog.projections.views.session_card import SessionCard, row_of
from typing_extensions import override

A = TypeVar("A")


class CassandraReadSide(ReadSide):
    """Answers from the query tables. Follows switches of generations without a restart. Thread-safe."""

    def __init__(self, connection: Connection, shards: int, clock_ms: Callable[[], int]) -> None:
        """Ask over a connection, which stays its owner's to close.

        Args:
            connection: To the cluster.
            shards: Of the log.
            clock_ms: Unix milliseconds; says which days are probed first, never what an answer is.
        """
        self._connection = connection
        self._clock_ms = clock_ms
        self._generations = LiveGenerations(Registry(connection))
        self._positions = Positions(shards)
        self._idle = threading.Condition()
        self._asked = 0
        self._closed = False

    # ── sessions ─────────────────────────────────────────────────────────────────────────────────────────────────

    @override
    def sessions_of_person(
        self, tenant: str, person: str, from_ms: int | None, to_ms: int | None, after: PageKey | None, limit: int
    ) -> Page:
        low, end = _slice(from_ms, to_ms, after)

        def read(question: Question) -> Page:
            as_of = self._positions.stated(question)
            return _page(session_pages.cards_of_person(question, tenant, person, low, end, limit + 1), limit, as_of)

        return self._answer(read)

    @override
    def sessions_of_gym(
        self, tenant: str, gym: str, from_ms: int | None, to_ms: int | None, after: PageKey | None, limit: int
    ) -> Page:
        low, end = _slice(from_ms, to_ms, after)

        def read(question: Question) -> Page:
            as_of, now_ms = self._positions.stated(question), self._clock_ms()
            cards = session_pages.cards_of_gym(question, tenant, gym, low, end, limit + 1, now_ms)
            return _page(cards, limit, as_of)

        return self._answer(read)

    @override
    def session(self, tenant: str, session: str, person: str | None = None) -> list[SessionRow]:
        return self._answer(lambda question: session_pages.sessions_with(question, tenant, session, person))

    @override
    def training_now(self, tenant: str, gym: str) -> list[SessionRow]:
        now_ms = self._clock_ms()
        return self._answer(lambda question: session_pages.open_sessions(question, tenant, gym, now_ms))

    # ── one session ──────────────────────────────────────────────────────────────────────────────────────────────

    @override
    def sets(self, tenant: str, person: str, session: str) -> list[SetRow]:
        return self._answer(lambda question: session_content.sets_of(question, Names(tenant, person, session)))

    @override
    def samples(
        self, tenant: str, person: str, session: str, from_ms: int | None, to_ms: int | None, limit: int
    ) -> list[SampleRow]:
        names = Names(tenant, person, session)
        low, high = interval(from_ms, to_ms)
        return self._answer(lambda question: session_content.samples_of(question, names, low, high, limit))

    @override
    def rejects(self, tenant: str, person: str, session: str, limit: int) -> list[RejectRow]:
        names = Names(tenant, person, session)
        return self._answer(lambda question: session_content.rejects_of(question, names, limit))

    # ── a gym ────────────────────────────────────────────────────────────────────────────────────────────────────

    @override
    def occupancy(self, tenant: str, gym: str, from_hour: str, to_hour: str) -> list[OccupancyRow]:
        def read(question: Question) -> list[OccupancyRow]:
            zone = zone_named(gym_reading.time_zone_of(question, tenant, gym))
            low, high = start_of(from_hour, zone), end_of(to_hour, zone)
            return occupancy_of(gym_reading.presences(question, tenant, gym, low, high), low, high, zone)

        return self._answer(read)

    @override
    def station_use(self, tenant: str, gym: str, from_day: str, to_day: str) -> list[StationUseRow]:
        def read(question: Question) -> list[StationUseRow]:
            zone = zone_named(gym_reading.time_zone_of(question, tenant, gym))
            low, high = start_of(from_day, zone), end_of(to_day, zone)
            return station_use_of(gym_reading.station_sets(question, tenant, gym, low, high), zone)

        return self._answer(read)

    @override
    def live(self, tenant: str, gym: str, after: dict[int, int], limit: int) -> list[LiveRow]:
        def read(question: Question) -> list[LiveRow]:
            folded = folded_to(question, "live_by_gym")
            return gym_reading.live_rows(question, tenant, gym, after, folded, limit)

        return self._answer(read)

    # ── what models are fitted to, and how the views stand ───────────────────────────────────────────────────────

    @override
    def labels(self, tenant: str, exercise: str | None = None) -> list[LabelRow]:
        return self._answer(lambda question: gym_reading.labels_of(question, tenant, exercise))

    @override
    def people(self, tenant: str, after: str | None, limit: int) -> list[PersonRow]:
        return self._answer(lambda question: people_reading.people_behind(question, tenant, after or "", limit))

    @override
    def parked(self) -> list[ParkedRow]:
        return self._answer(parked_in)

    @override
    def as_of(self) -> dict[int, int]:
        return self._answer(self._positions.read)

    @override
    def close(self) -> None:
        """Answer no more questions; those that are being answered are waited for."""
        with self._idle:
            self._closed = True
            self._idle.wait_for(lambda: self._asked == 0)

    # ── asking ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _answer(self, read: Callable[[Question], A]) -> A:
        with self._asking():
            try:
                try:
                    return read(Question(self._connection, self._generations.revision().document))
                except MissingTableError:  # its generation was retired and dropped since the registry was read
                    return read(Question(self._connection, self._generations.revision(anew=True).document))
            except MissingTableError as error:
                raise ViewsUnavailableError(
                    f"no views yet ({error}); `kinelog schema apply` and `kinelog project` make them"
                ) from error
            except CassandraError as error:
                raise ViewsUnavailableError(f"the views cannot be read: {error}") from error
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise ViewsUnavailableError(f"the views cannot be read, rebuild them: {error}") from error

    @contextmanager
    def _asking(self) -> Iterator[None]:
        with self._idle:
            if self._closed:
                raise ViewsUnavailableError("the read side is closed")
            self._asked += 1
        try:
            yield
        finally:
            with self._idle:
                self._asked -= 1
                self._idle.notify_all()


def _slice(from_ms: int | None, to_ms: int | None, after: PageKey | None) -> tuple[int, PageKey]:
    """Where a list ends, and the key that it begins behind."""
    low, high = interval(from_ms, to_ms)
    end = (high, "", "")
    return low, end if after is None else min(after, end)


def _page(cards: list[SessionCard], limit: int, as_of: dict[int, int]) -> Page:
    shown = cards[:limit]
    last = shown[-1] if shown and len(cards) > limit else None
    key = None if last is None else (last.started_at_ms, last.person, last.session)
    return Page(tuple(row_of(card) for card in shown), key, as_of)
