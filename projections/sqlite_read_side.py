"""The read side over SQLite: a read-only connection a thread, one snapshot a question, generations looked up in it."""

from __future__ import annotations

import heapq
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kinelog.projections.errors import ViewsUnavailableError
from kinelog.projections.local_time import (
    FAR_FUTURE_MS,
    FAR_PAST_MS,
    end_of,
    local_day,
    local_hours,
    start_of,
    zone_named,
)
from kinelog.projections.read_side import PageKey, ReadSide
from kinelog.projections.rows import (
    LabelRow,
    LiveRow,
    OccupancyRow,
    Page,
    ParkedRow,
    RejectRow,
    SampleRow,
    SessionRow,
    SetRow,
    StationUseRow,
)
from kinelog.projections.sample_times import SampleClocks
from kinelog.projections.snapshot import Snapshot
from kinelog.projections.views import labels_by_exercise, live_by_gym, rejects_by_device_day, sets_by_session
from kinelog.projections.views.gyms import GYM_TABLE
from kinelog.projections.views.labels_by_exercise import LABELS
from kinelog.projections.views.live_by_gym import ENTRIES
from kinelog.projections.views.occupancy_by_gym_hour import LONGEST_VISIT_MS, PRESENCES
from kinelog.projections.views.rejects_by_device_day import REJECTS
from kinelog.projections.views.samples_by_session import CLOCKS, SAMPLES
from kinelog.projections.views.session_card import SessionCard, row_of
from kinelog.projections.views.sessions_by_gym_day import GYM_SESSIONS
from kinelog.projections.views.sessions_by_id import CARDS
from kinelog.projections.views.sessions_by_user import USER_SESSIONS
from kinelog.projections.views.sets_by_session import SETS
from kinelog.projections.views.station_use_by_gym_day import STATION_SETS
from typing_extensions import override

_LINE_SLACK_MS = 2000
"""How far a start that was read off a line may be from the start that the frame says (cut to a whole second)."""


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
        low, high = _bounds(from_ms, to_ms)
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
        low, high = _bounds(from_ms, to_ms)
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
        low, high = _bounds(from_ms, to_ms)
        with self._snapshot() as snapshot:
            clocks = SampleClocks(snapshot.select(CLOCKS, "entity = ?", (entity,)))
            margin = clocks.longest_ms + _LINE_SLACK_MS
            stored = snapshot.select(
                SAMPLES,
                "entity = ? AND start_ms >= ? AND start_ms < ? ORDER BY start_ms, device, sequence, part",
                (entity, low - margin, high + _LINE_SLACK_MS),
            )
            rows: list[SampleRow] = []
            enough_from = FAR_FUTURE_MS
            for piece in stored:
                if piece.start_ms > enough_from:
                    break
                row = clocks.row(piece)
                if low <= row.start_ms < high:
                    rows.append(row)
                    if len(rows) == limit:
                        # a row that sorts before one of these may still begin this much later by its frame's word
                        enough_from = int(max(row.start_ms for row in rows)) + _LINE_SLACK_MS
        rows.sort(key=lambda row: (row.start_ms, row.device, row.kind, row.location or "", row.sequence))
        return rows[:limit]

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
        """Sessions by local hour from `from_hour` to `to_hour` (`2026-11-20T18`), both included.

        Raises:
            ValueError: Not an hour.
        """
        with self._snapshot() as snapshot:
            zone = zone_named(_time_zone(snapshot, tenant, gym))
            low, high = start_of(from_hour, zone), end_of(to_hour, zone)
            found = snapshot.select(
                PRESENCES,
                "tenant = ? AND gym = ? AND started_at_ms >= ? AND started_at_ms < ? AND until_ms >= ?",
                (tenant, gym, low - LONGEST_VISIT_MS, high, low),
            )
            hours: dict[str, int] = defaultdict(int)
            for presence in found:
                first, last = max(presence.started_at_ms, low), min(presence.until_ms, high - 1)
                for hour in local_hours(first, last, zone):
                    hours[hour] += 1
        return [OccupancyRow(hour, sessions) for hour, sessions in sorted(hours.items())]

    @override
    def station_use(self, tenant: str, gym: str, from_day: str, to_day: str) -> list[StationUseRow]:
        """Use of stations from `from_day` to `to_day` (`2026-11-20`), both included.

        Raises:
            ValueError: Not a day.
        """
        with self._snapshot() as snapshot:
            zone = zone_named(_time_zone(snapshot, tenant, gym))
            found = snapshot.select(
                STATION_SETS,
                "tenant = ? AND gym = ? AND start_ms >= ? AND start_ms < ? AND deleted = 0 AND station != ''",
                (tenant, gym, start_of(from_day, zone), end_of(to_day, zone)),
            )
            use: dict[tuple[str, str], tuple[int, int]] = defaultdict(lambda: (0, 0))
            for stored in found:
                key = (local_day(stored.start_ms, zone), stored.station)
                sets, total_ms = use[key]
                use[key] = (sets + 1, total_ms + stored.end_ms - stored.start_ms)
        return [
            StationUseRow(day, station, sets, total_ms / 1000)
            for (day, station), (sets, total_ms) in sorted(use.items())
        ]

    @override
    def live(self, tenant: str, gym: str, after: dict[int, int], limit: int) -> list[LiveRow]:
        """Entries behind a position of each shard; cut by `limit`, they are still without holes in every shard."""
        with self._snapshot() as snapshot:
            tails = []
            for shard in snapshot.shards("live_by_gym"):
                found = snapshot.select(
                    ENTRIES,
                    "tenant = ? AND gym = ? AND shard = ? AND position > ? ORDER BY position LIMIT ?",
                    (tenant, gym, shard, after.get(shard, 0), limit),
                )
                tails.append([live_by_gym.row_of(entry) for entry in found])
        merged = heapq.merge(*tails, key=lambda row: (row.at_ms, row.shard, row.position))
        return [row for _, row in zip(range(limit), merged, strict=False)]

    # ── beyond the port ──────────────────────────────────────────────────────────────────────────────────────────

    def labels(self, tenant: str, exercise: str | None = None) -> list[LabelRow]:
        """Labelled intervals of one exercise, or of all: what models are fitted to."""
        with self._snapshot() as snapshot:
            found = snapshot.select(
                LABELS,
                "tenant = ?1 AND (?2 IS NULL OR exercise = ?2) AND deleted = 0 ORDER BY exercise, entity, number",
                (tenant, exercise),
            )
            return [labels_by_exercise.row_of(stored) for stored in found]

    def parked(self) -> list[ParkedRow]:
        """Events that the live views could not fold, and those that wait behind them."""
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
        except sqlite3.OperationalError as error:
            raise ViewsUnavailableError(f"the views cannot be read: {error}") from error
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


def _bounds(from_ms: int | None, to_ms: int | None) -> tuple[int, int]:
    return FAR_PAST_MS if from_ms is None else from_ms, FAR_FUTURE_MS if to_ms is None else to_ms


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
