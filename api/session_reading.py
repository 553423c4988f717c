"""Sessions as the views show them: lists of a person and of a gym, one session, its samples."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
from aiohttp import web
from kinelog.api.call import Call
from kinelog.api.cursors import BadCursorError
from kinelog.api.documents import Gap, SampleList, SampleRun, SessionDocument, SessionPage
from kinelog.api.json_body import encode_json, json_response
from kinelog.api.parameters import matching
from kinelog.api.positions import token_of_all
from kinelog.api.problems import ProblemError
from kinelog.api.whose import consented_holder, need_consent, person_named, sees_names
from kinelog.domain.identifiers import GYM_PATTERN
from kinelog.privacy.key_store import KeyStore
from kinelog.projections.read_side import PageKey
from kinelog.projections.rows import Page, SampleRow, SessionRow

DECIMALS = 6
LEAST_SAMPLE_ROWS = 256
"""More sensors than send at one moment, so that a page always gets on."""


def session_document(row: SessionRow, user: str | None) -> SessionDocument:
    """A row as clients see it: the person by the tenant's own name, never by pseudonym."""
    return SessionDocument(
        session=row.session, user=user, status=row.status, gym=row.gym, plan=row.plan,
        started_at_ms=row.started_at_ms, ended_at_ms=row.ended_at_ms, frames=row.frames,
        gaps=tuple(Gap(device=gap.device, first=gap.first, last=gap.last) for gap in row.gaps),
        rejected=row.rejected, sets=row.sets, groups=row.groups, intensity=row.intensity,
        last_frame_ms=row.last_frame_ms,
    )  # fmt: skip


def named_documents(keys: KeyStore, tenant: str, rows: Iterable[SessionRow]) -> list[SessionDocument]:
    """Rows with their people's names; blocking. A person erased a moment ago has neither name nor row."""
    listed = list(rows)
    names = {person: keys.name(tenant, person) for person in {row.person for row in listed}}
    return [session_document(row, name) for row in listed if (name := names[row.person]) is not None]


async def user_sessions(call: Call) -> web.StreamResponse:
    """Sessions of a person, newest first."""
    person = await person_named(call)
    await need_consent(call, person)
    read_side = call.context.services.read_side
    return await _page(call, ("user", person.tenant, person.pseudonym), partial(read_side.sessions_of_person, *person))


async def gym_sessions(call: Call) -> web.StreamResponse:
    """Sessions at a gym, newest first."""
    gym = matching("gym", call.part("gym"), GYM_PATTERN)
    tenant = call.principal.tenant
    if await call.context.authentication.look_up(tenant, lambda state: state.gyms.get(gym)) is None:
        raise ProblemError("gym-unknown")
    read_side = call.context.services.read_side
    return await _page(call, ("gym", tenant, gym), partial(read_side.sessions_of_gym, tenant, gym))


Question = Callable[[int | None, int | None, PageKey | None, int], Page]
"""From, to, behind which key, how many."""


async def _page(call: Call, of: tuple[str, ...], question: Question) -> web.Response:
    settings = call.context.services.settings
    limit = call.query_number("limit", settings.page_rows_max, 1) or settings.page_rows
    from_ms, to_ms = call.query_number("from"), call.query_number("to")
    cursor = call.query("cursor")
    cursors = call.context.cursors
    try:
        after = None if not cursor else cursors.open(of, cursor)
    except BadCursorError as error:
        raise ProblemError("bad-cursor") from error
    await call.await_position()
    keys = call.context.services.keys

    def ask() -> SessionPage:
        page = question(from_ms, to_ms, after, limit)
        documents = named_documents(keys, call.principal.tenant, page.rows)
        following = None if page.next_key is None else cursors.seal(of, page.next_key)
        return SessionPage(sessions=tuple(documents), next=following, as_of=token_of_all(page.as_of))

    return json_response(await call.context.blocking(ask))


async def get_session(call: Call) -> web.StreamResponse:
    """One session."""
    person, session = await consented_holder(call)
    await call.await_position()
    services = call.context.services

    def ask() -> SessionDocument | None:
        rows = services.read_side.session(person.tenant, session, person.pseudonym)
        if not rows:
            return None
        name = services.keys.name(person.tenant, person.pseudonym) if sees_names(call.principal) else None
        return session_document(rows[0], name)

    document = await call.context.blocking(ask)
    if document is None:
        raise ProblemError("session-unknown")
    return json_response(document)


async def get_samples(call: Call) -> web.StreamResponse:
    """Samples of a session between two times; `next_from` says where to go on."""
    person, session = await consented_holder(call)
    settings = call.context.services.settings
    from_ms, to_ms = call.query_number("from"), call.query_number("to")
    limit = call.query_number("limit", settings.sample_rows_max, LEAST_SAMPLE_ROWS) or settings.sample_rows_max
    await call.await_position()
    read_side = call.context.services.read_side

    def ask() -> bytes | None:
        as_of = token_of_all(read_side.as_of())
        if not read_side.session(person.tenant, session, person.pseudonym):
            return None
        rows = read_side.samples(person.tenant, person.pseudonym, session, from_ms, to_ms, limit + 1)
        following = None
        if len(rows) > limit:
            # A page ends between two moments, never within one, so that `from` can name where it goes on.
            following = int(rows[limit].start_ms)
            rows = [row for row in rows[:limit] if int(row.start_ms) < following]
        runs = tuple(
            SampleRun(
                device=row.device, kind=row.kind, location=row.location, unit=row.unit, start_ms=row.start_ms,
                rate_hz=row.rate_hz, samples=_numbers(row),
            )
            for row in rows
        )  # fmt: skip
        return encode_json(SampleList(samples=runs, next_from=following, as_of=as_of))

    body = await call.context.blocking(ask)  # encoded in the thread too: thousands of rows would hold up the loop
    if body is None:
        raise ProblemError("session-unknown")
    return web.Response(body=body, content_type="application/json")


def _numbers(row: SampleRow) -> list[list[float]]:
    samples = row.samples
    exact = samples if samples.dtype.kind in "iu" else samples.astype(np.float64).round(DECIMALS)
    numbers: list[list[float]] = exact.tolist()
    return numbers
