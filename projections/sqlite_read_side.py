"""The read side over SQLite: a read-only connection a thread, one snapshot a question, generations looked up in it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from kinelog.projections.errors import ViewsUnavailableError
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
from kinelog.projections.sample_times import SampleClocks
from kinelog.projections.snapshot import Snapshot
from kinelog.projections.views import labels_by_exercise, live_by_gym, people, rejects_by_device_day, sets_by_session
from kinelog.projections.views.gyms import GYM_TABLE
from kinelog.projections.views.labels_by_exercise import LABELS
from kinelog.projections.views.live_by_gym import ENTRIES
from kinelog.projections.views.occupancy_by_gym_hour import LONGEST_VISIT_MS, PRESENCES
from kinelog.projections.views.people import PEOPLE_TABLE
from kinelog.projections.views.rejects_by_device_day import REJECTS
from kinelog.projections.views.samples_by_session import CLOCKS, SAMPLES
from kinelog.projections.views.session_card import SessionCard, row_of
from kinelog.projections.views.sessions_by_gym_day import GYM_SESSIONS
from kinelog.projections.views.sessions_by_id import CARDS
from kinelog.projections.views.sessions_by_user import USER_SESSIONS
from kinelog.projections.views.sets_by_session import SETS
from kinelog.projections.views.station_use_by_gym_day import STATION_SETS
from typing_extensions import override


class SqliteReadSide(ReadSide):
    """Answers from `views.db`. Follows switches of generations without a restart; threads share nothing."""

    def __init__(self, path: Path) -> None:
        """Use this file; it may not be there yet, and questions then raise `ViewsUnavailableError`."""
        self._path = path
        self._local = threading.local()
        self._lock = threading.Condition()
        self._asked = 0
        self._open: list[sqlite3.Connection] = []
        self._closed = False

    # ── sessions ─────────────────────────────────────────────────────────────────────────────────────────────────

    @override
    def sessions_of_person(
        self, tenant: str, person: str, from_ms: int | None, to_ms: int | None, after: PageKey | None, limit: int
    ) -> Page:
        low, high = interval(from_ms, to_ms)
        start, _, session = after or (high, "", "")
        with self._snapshot() as snapshot:
            found = snapshot.select(
                USER_SESSIONS,
                "tenant = ? AND person = ? AND started_at_ms >= ? AND started_at_ms < ?"
                " AND (started_at_ms, session) < (?, ?) ORDER BY started_at_ms DESC, session DESC LIMIT ?",
                (tenant, person, low, high, start, session, limit + 1),
            )
            return _page(snapshot, [row.entity for row in found], limit)

    @override
    def sessions_of_gym(
        self, tenant: str, gym: str, from_ms: int | None, to_ms: int | None, after: PageKey | None, limit: int
    ) -> Page:
        low, high = interval(from_ms, to_ms)
        start, entity = (after[0], f"{tenant}/{after[1]}/{after[2]}") if after else (high, "")
        with self._snapshot() as snapshot:
            found = snapshot.select(
                GYM_SESSIONS,
                "tenant = ? AND gym = ? AND started_at_ms >= ? AND started_at_ms < ?"
                " AND (started_at_ms, entity) < (?, ?) ORDER BY started_at_ms DESC, entity DESC LIMIT ?",
                (tenant, gym, low, high, start, entity, limit + 1),
            )
            return _page(snapshot, [row.entity for row in found], limit)

    @override
    def session(self, tenant: str, session: str, person: str | None = None) -> list[SessionRow]:
        with self._snapshot() as snapshot:
            if person is not None:
                cards = snapshot.select(CARDS, "entity = ?", (f"{tenant}/{person}/{session}",))
            else:
                cards = snapshot.select(CARDS, "tenant = ? AND session = ? ORDER BY entity", (tenant, session))
            return [row_of(card) for card in cards]

    @override
    def training_now(self, tenant: str, gym: str) -> list[SessionRow]:
        with self._snapshot() as snapshot:
            found = snapshot.select(
                GYM_SESSIONS,
                "tenant = ? AND gym = ? AND is_open = 1 ORDER BY started_at_ms DESC, entity DESC",
                (tenant, gym),
            )
            return [row_of(card) for card in _cards(snapshot, [row.entity for row in found])]

    # ── one session ──────────────────────────────────────────────────────────────────────────────────────────────

    @override
    def sets(self, tenant: str, person: str, session: str) -> list[SetRow]:
        with self._snapshot() as snapshot:
            found = snapshot.select(SETS, "entity = ? ORDER BY number", (f"{tenant}/{person}/{session}",))
            return [sets_by_session.row_of(stored) for stored in found]

    @override
    def samples(
        self, tenant: str, person: str, session: str, from_ms: int | None, to_ms: int | None, limit: int
    ) -> list[SampleRow]:
        entity = f"{tenant}/{person}/{session}"
        low, high = interval(from_ms, to_ms)
        with self._snapshot() as snapshot:
            clocks = SampleClocks(snapshot.select(CLOCKS, "entity = ?", (entity,)))
            stored = snapshot.select(
                SAMPLES,
                "entity = ? AND start_ms >= ? AND start_ms < ? ORDER BY start_ms, device, sequence, part",
                (entity, clocks.earliest(low), high),
            )
            return clocks.rows_between(stored, low, high, limit)

    @override
    def rejects(self, tenant: str, person: str, session: str, limit: int) -> list[RejectRow]:
        with self._snapshot() as snapshot:
            found = snapshot.select(
                REJECTS, "entity = ? ORDER BY position LIMIT ?", (f"{tenant}/{person}/{session}", limit)
            )
            return [rejects_by_device_day.row_of(stored) for stored in found]

    # ── a gym ────────────────────────────────────────────────────────────────────────────────────────────────────

    @override
    def occupancy(self, tenant: str, gym: str, from_hour: str, to_hour: str) -> list[OccupancyRow]:
        with self._snapshot() as snapshot:
            zone = zone_named(_time_zone(snapshot, tenant, gym))
            low, high = start_of(from_hour, zone), end_of(to_hour, zone)
            found = snapshot.select(
                PRESENCES,
                "tenant = ? AND gym = ? AND started_at_ms >= ? AND started_at_ms < ? AND until_ms >= ?",
                (tenant, gym, low - LONGEST_VISIT_MS, high, low),
            )
            return occupancy_of(found, low, high, zone)

    @override
    def station_use(self, tenant: str, gym: str, from_day: str, to_day: str) -> list[StationUseRow]:
        with self._snapshot() as snapshot:
            zone = zone_named(_time_zone(snapshot, tenant, gym))
            found = snapshot.select(
                STATION_SETS,
                "tenant = ? AND gym = ? AND start_ms >= ? AND start_ms < ?",
                (tenant, gym, start_of(from_day, zone), end_of(to_day, zone)),
            )
            return station_use_of(found, zone)

    @override
    def live(self, tenant: str, gym: str, after: dict[int, int], limit: int) -> list[LiveRow]:
        with self._snapshot() as snapshot:
            tails = [
                snapshot.select(
                    ENTRIES,
                    "tenant = ? AND gym = ? AND shard = ? AND position > ? ORDER BY position LIMIT ?",
                    (tenant, gym, shard, after.get(shard, 0), limit),
                )
                for shard in snapshot.shards("live_by_gym")
            ]
            return live_by_gym.merged(tails, limit)

    # ── what models are fitted to, and how the views stand ───────────────────────────────────────────────────────

    @override
    def labels(self, tenant: str, exercise: str | None = None) -> list[LabelRow]:
        with self._snapshot() as snapshot:
            found = snapshot.select(
                LABELS,
                "tenant = ?1 AND (?2 IS NULL OR exercise = ?2) AND deleted = 0 ORDER BY exercise, entity, number",
                (tenant, exercise),
            )
            return [labels_by_exercise.row_of(stored) for stored in found]

    @override
    def people(self, tenant: str, after: str | None, limit: int) -> list[PersonRow]:
        with self._snapshot() as snapshot:
            found = snapshot.select(
                PEOPLE_TABLE, "tenant = ? AND person > ? ORDER BY person LIMIT ?", (tenant, after or "", limit)
            )
            return [people.row_of(stored) for stored in found]

    @override
    def parked(self) -> list[ParkedRow]:
        with self._snapshot() as snapshot:
            return snapshot.parked()

    @override
    def as_of(self) -> dict[int, int]:
        with self._snapshot() as snapshot:
            return snapshot.as_of()

    @override
    def close(self) -> None:
        with self._lock:
            self._closed = True
            # A connection that is closed under a running query takes the process with it.
            self._lock.wait_for(lambda: self._asked == 0)
            for connection in self._open:
                connection.close()
            self._open.clear()

    # ── connections ──────────────────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def _snapshot(self) -> Iterator[Snapshot]:
        """One consistent moment of the store: a switch or a drop of generations cannot come between two queries."""
        with self._lock:
            if self._closed:
                raise ViewsUnavailableError("the read side is closed")
            self._asked += 1
        try:
            connection = self._connection()
            connection.execute("BEGIN")
            try:
                yield Snapshot(connection)
            finally:
                connection.execute("COMMIT")
        except sqlite3.DatabaseError as error:  # a file that is damaged is no operational error of SQLite's
            raise ViewsUnavailableError(f"the views cannot be read: {error}") from error
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ViewsUnavailableError(f"the views cannot be read, rebuild them: {error}") from error
        finally:
            with self._lock:
                self._asked -= 1
                self._lock.notify_all()

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            if not self._path.exists():
                raise ViewsUnavailableError(f"{self._path}: no views yet; `kinelog project` makes them")
            # check_same_thread: only `close` touches it from another thread
            connection = sqlite3.connect(
                f"{self._path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
            )
            connection.execute("PRAGMA busy_timeout = 5000")
            connection.execute("PRAGMA query_only = ON")
            with self._lock:
                self._open.append(connection)
            self._local.connection = connection
        return connection


def _cards(snapshot: Snapshot, entities: list[str]) -> list[SessionCard]:
    """Cards in the order of their entities; one may be missing while two views stand at different offsets."""
    cards = (next(iter(snapshot.select(CARDS, "entity = ?", (entity,))), None) for entity in entities)
    return [card for card in cards if card is not None]


def _page(snapshot: Snapshot, entities: list[str], limit: int) -> Page:
    cards = _cards(snapshot, entities[:limit])
    more = len(entities) > limit and cards
    last = cards[-1] if cards else None
    key = (last.started_at_ms, last.person, last.session) if more and last is not None else None
    return Page(tuple(row_of(card) for card in cards), key, snapshot.as_of())


def _time_zone(snapshot: Snapshot, tenant: str, gym: str) -> str | None:
    for stored in snapshot.select(GYM_TABLE, "tenant = ? AND gym = ?", (tenant, gym)):
        return stored.time_zone
    return None
