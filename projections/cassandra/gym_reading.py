"""What is asked of a gym as a whole: figures by local hour and day, its live stream; and a tenant's labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from kinelog.cassandra_session.connection import Request, Row
from kinelog.projections.cassandra.columns import blob, number, text
from kinelog.projections.cassandra.day_directory import DayDirectory
from kinelog.projections.cassandra.layout import QueryTable
from kinelog.projections.cassandra.layouts.gym_days import GYM_DAYS, STATION_DAYS
from kinelog.projections.cassandra.layouts.gym_figures import OCCUPANCY_BY_GYM_DAY, STATION_USE_BY_GYM_DAY
from kinelog.projections.cassandra.layouts.gyms import GYMS_OF_TENANT
from kinelog.projections.cassandra.layouts.labels_by_exercise import LABELLED, LABELS_BY_EXERCISE, SLICES
from kinelog.projections.cassandra.layouts.live_by_gym import BLOCK_POSITIONS, LIVE_BY_GYM
from kinelog.projections.cassandra.periods import FIRST_YEAR, LAST_YEAR, day_of
from kinelog.projections.cassandra.question import Question
from kinelog.projections.rows import LabelRow, LiveRow
from kinelog.projections.views import labels_by_exercise, live_by_gym
from kinelog.projections.views.labels_by_exercise import StoredLabel
from kinelog.projections.views.live_by_gym import ENTRIES, KEPT_POSITIONS, LiveEntry
from kinelog.projections.views.occupancy_by_gym_hour import LONGEST_VISIT_MS, Presence
from kinelog.projections.views.station_use_by_gym_day import StationSet

DAYS_AT_ONCE = 64

_DAY = "tenant = ? AND gym = ? AND day = ?"
_TAIL = "tenant = ? AND gym = ? AND shard = ? AND block = ? AND position > ? AND position <= ? LIMIT ?"
_LABELS = "tenant = ? AND year = ? AND slice = ?"


def time_zone_of(question: Question, tenant: str, gym: str) -> str | None:
    """The name of the zone that a gym is in, as last defined."""
    for (zone,) in question.rows(GYMS_OF_TENANT, "time_zone", "tenant = ? AND gym = ?", (tenant, gym)):
        return text(zone)
    return None


def presences(question: Question, tenant: str, gym: str, low: int, high: int) -> Iterator[Presence]:
    """Visits that reach into `[low, high)`."""
    first, last = day_of(low - LONGEST_VISIT_MS), day_of(high)
    days = DayDirectory(question, GYM_DAYS, tenant, gym).days(first, last)
    for entity, started_at_ms, until_ms, shard in _of_days(
        question, OCCUPANCY_BY_GYM_DAY, "entity, started_at_ms, until_ms, shard", (tenant, gym), days
    ):
        start, until = number(started_at_ms), number(until_ms)
        if low - LONGEST_VISIT_MS <= start < high and until >= low:
            yield Presence(text(entity), tenant, gym, start, until, number(shard))


def station_sets(question: Question, tenant: str, gym: str, low: int, high: int) -> Iterator[StationSet]:
    """Sets that start in `[low, high)`."""
    days = DayDirectory(question, STATION_DAYS, tenant, gym).days(day_of(low), day_of(high))
    columns = "entity, number, start_ms, end_ms, station, deleted, shard"
    for entity, set_number, start_ms, end_ms, station, deleted, shard in _of_days(
        question, STATION_USE_BY_GYM_DAY, columns, (tenant, gym), days
    ):
        if low <= number(start_ms) < high:
            yield StationSet(
                entity=text(entity),
                tenant=tenant,
                gym=gym,
                start_ms=number(start_ms),
                number=number(set_number),
                end_ms=number(end_ms),
                station=text(station),
                deleted=int(bool(deleted)),
                shard=number(shard),
            )


def _of_days(
    question: Question, table: QueryTable, columns: str, gym: tuple[str, str], days: Sequence[int]
) -> Iterator[Row]:
    """Rows of days; a few hundred days at a time, since a figure over years need not have all rows in memory."""
    for begin in range(0, len(days), DAYS_AT_ONCE):
        chunk = days[begin : begin + DAYS_AT_ONCE]
        for rows in question.all(question.request(table, columns, _DAY, (*gym, day)) for day in chunk):
            yield from rows


def live_rows(
    question: Question, tenant: str, gym: str, after: Mapping[int, int], folded: Mapping[int, int], limit: int
) -> list[LiveRow]:
    """Entries behind a position of each shard.

    Args:
        question: Where to ask.
        tenant: The gym's tenant.
        gym: Its id.
        after: By shard, behind which position.
        folded: By shard, how far it is folded. Nothing behind that is shown: of a batch that is being written, a later
            entry may be there before an earlier one, and whoever went on behind it would never see the earlier one.
        limit: Most rows.
    """
    requests: list[Request] = []
    shards: list[int] = []
    for shard, reached in folded.items():
        behind = max(after.get(shard, 0), reached - KEPT_POSITIONS)
        for block in range((behind + 1) // BLOCK_POSITIONS, reached // BLOCK_POSITIONS + 1):
            values = (tenant, gym, shard, block, behind, reached, limit)
            requests.append(question.request(LIVE_BY_GYM, "position, entity, event, at_ms, detail", _TAIL, values))
            shards.append(shard)
    tails: dict[int, list[LiveEntry]] = {}
    for shard, rows in zip(shards, question.all(requests), strict=True):
        tails.setdefault(shard, []).extend(_entry(tenant, gym, shard, row) for row in rows)
    return live_by_gym.merged((tail[:limit] for tail in tails.values()), limit)


def _entry(tenant: str, gym: str, shard: int, row: Row) -> LiveEntry:
    position, entity, event, at_ms, detail = row
    return ENTRIES.decode(
        (text(entity), tenant, gym, shard, number(position), text(event), number(at_ms), blob(detail))
    )


def labels_of(question: Question, tenant: str, exercise: str | None) -> list[LabelRow]:
    """Labels of one exercise or of all, by exercise, person and session."""
    where, more = (_LABELS, ()) if exercise is None else (f"{_LABELS} AND exercise = ?", (exercise,))
    columns = "exercise, entity, number, start_ms, end_ms, source, confirmed, deleted, labelled"
    found = question.all(
        question.request(LABELS_BY_EXERCISE, columns, where, (tenant, year, part, *more))
        for year in range(FIRST_YEAR, LAST_YEAR + 1)
        for part in range(SLICES)
    )
    stored = [_label(tenant, row) for rows in found for row in rows if not row[7]]
    stored.sort(key=lambda label: (label.exercise, label.entity, label.number))
    return [labels_by_exercise.row_of(label) for label in stored]


def _label(tenant: str, row: Row) -> StoredLabel:
    labelled = LABELLED.unpack(row[8])
    return StoredLabel(
        entity=text(row[1]),
        tenant=tenant,
        exercise=text(row[0]),
        number=number(row[2]),
        start_ms=number(row[3]),
        end_ms=number(row[4]),
        label=labelled.label,
        source=text(row[5]),
        confirmed=int(bool(row[6])),
        confidence=labelled.confidence,
        deleted=int(bool(row[7])),
    )
