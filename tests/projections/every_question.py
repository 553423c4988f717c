"""Every question of a read side, with every kind of argument: the answers of two stores are compared by it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pytest
from kinelog.domain.identifiers import Person
from kinelog.projections.read_side import PageKey, ReadSide
from kinelog.projections.rows import Page, SampleRow

from tests.projections.busy_floor import GYMS, BusyFloor
from tests.projections.gym_floor import CURL, SQUAT, TENANT

Asked = tuple[str, object]
"""A question in words, and what was answered."""


def paged(page_behind: Callable[[PageKey | None], Page]) -> list[Page]:
    """All pages of a list."""
    pages = [page_behind(None)]
    while (key := pages[-1].next_key) is not None:
        pages.append(page_behind(key))
    return pages


def comparable(rows: Iterable[SampleRow]) -> list[tuple[object, ...]]:
    """Rows of samples, with the samples as bytes."""
    return [
        (
            row.device, row.kind, row.location, row.unit, row.start_ms, row.rate_hz, row.sequence, row.lost,
            row.samples.dtype.str, row.samples.shape, row.samples.tobytes(),
        )
        for row in rows
    ]  # fmt: skip


def intervals(moments: Iterable[int]) -> list[tuple[int | None, int | None]]:
    """Always, half of always, and what lies between moments, their edges in and out."""
    known = sorted(moments)
    found: list[tuple[int | None, int | None]] = [(None, None), (0, None), (None, -1), (-(2**62), 2**62)]
    if known:
        middle, last = known[len(known) // 2], known[-1]
        found += [(middle, None), (None, middle), (middle, last), (middle + 1, last + 1), (last, last)]
    return found


def lists(side: ReadSide, people: Iterable[Person], gyms: Iterable[str], limits: Iterable[int]) -> Iterator[Asked]:
    """Pages of sessions, through all their cursors."""
    for limit in limits:
        for person in people:
            everything = side.sessions_of_person(*person, None, None, None, 10_000)
            for low, high in intervals(row.started_at_ms for row in everything.rows):
                yield (
                    f"sessions of {person.pseudonym} in {low}..{high}, {limit} a page",
                    paged(lambda key: side.sessions_of_person(*person, low, high, key, limit)),  # noqa: B023  # asked at once
                )
        for gym in gyms:
            everything = side.sessions_of_gym(TENANT, gym, None, None, None, 10_000)
            for low, high in intervals(row.started_at_ms for row in everything.rows):
                yield (
                    f"sessions at {gym} in {low}..{high}, {limit} a page",
                    paged(lambda key: side.sessions_of_gym(TENANT, gym, low, high, key, limit)),  # noqa: B023  # as above
                )


def contents(side: ReadSide, sessions: Iterable[tuple[Person, str]], limits: Iterable[int]) -> Iterator[Asked]:
    """What is in sessions."""
    for person, session in sessions:
        yield f"sessions {session}", side.session(TENANT, session)
        yield f"session {session} of {person.pseudonym}", side.session(TENANT, session, person.pseudonym)
        yield f"session {session} of nobody", side.session(TENANT, session, "0" * 32)
        yield f"sets of {session}", side.sets(*person, session)
        everything = side.samples(*person, session, None, None, 100_000)
        yield f"samples of {session}", comparable(everything)
        for limit in limits:
            yield f"{limit} rejects of {session}", side.rejects(*person, session, limit)
            for low, high in intervals(int(row.start_ms) for row in everything):
                found = side.samples(*person, session, low, high, limit)
                yield f"{limit} samples of {session} in {low}..{high}", comparable(found)


def gyms_at_large(side: ReadSide, gyms: Iterable[str], limits: Iterable[int]) -> Iterator[Asked]:
    """What is asked of gyms, and of all."""
    for gym in gyms:
        yield f"training at {gym}", side.training_now(TENANT, gym)
        for low, high in (("0000-01-01", "9999-12-31"), ("2021-01-01", "2024-06-30"), ("2023-11-14", "2023-11-16")):
            yield f"occupancy of {gym} {low}..{high}", side.occupancy(TENANT, gym, f"{low}T00", f"{high}T23")
            yield f"station use of {gym} {low}..{high}", side.station_use(TENANT, gym, low, high)
        for limit in (*limits, 100_000):
            everything = side.live(TENANT, gym, {}, limit)
            yield f"{limit} live at {gym}", everything
            behind = {row.shard: row.position for row in everything[: len(everything) // 2]}
            yield f"{limit} live at {gym} behind {behind}", side.live(TENANT, gym, behind, limit)
    for exercise in (None, CURL, SQUAT, "none/such"):
        yield f"labels of {exercise}", side.labels(TENANT, exercise)
    yield "labels of somebody else", side.labels("other", None)
    for limit in (*limits, 100_000):
        page = side.people(TENANT, None, limit)
        yield f"{limit} people", page
        yield f"{limit} people behind some", side.people(TENANT, page[len(page) // 2].person if page else None, limit)
    yield "people of somebody else", side.people("other", None, 10)
    yield "parked", side.parked()
    yield "as of", side.as_of()


def everything(side: ReadSide, busy: BusyFloor, limits: tuple[int, ...]) -> list[Asked]:
    """All questions about a busy floor."""
    gyms = (*GYMS, "nowhere")
    return [
        *lists(side, busy.people, gyms, limits),
        *contents(side, busy.sessions[-20:], limits),
        *gyms_at_large(side, gyms, limits),
    ]


def compare(side: ReadSide, embedded: ReadSide, busy: BusyFloor) -> None:
    """Ask both everything; the first difference fails the test."""
    asked, expected = everything(side, busy, (2, 1000)), everything(embedded, busy, (2, 1000))
    assert len(asked) == len(expected) > 100
    for (question, answer), (_, right) in zip(asked, expected, strict=True):
        if answer != right:  # not an assertion of both: pytest would take minutes to draw up their difference
            pytest.fail(f"{question}\n{answer!r:.2000}\nis not\n{right!r:.2000}")
