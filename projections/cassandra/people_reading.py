"""The people of a tenant, a page at a time, through the slices they are kept in."""

from __future__ import annotations

from kinelog.cassandra_session.connection import Row
from kinelog.projections.cassandra.columns import number, text
from kinelog.projections.cassandra.layouts.people import PEOPLE_OF_TENANT, SLICES, TOLD, slice_of
from kinelog.projections.cassandra.question import Question
from kinelog.projections.rows import PersonRow

_BEHIND = "tenant = ? AND slice = ? AND person > ? LIMIT ?"


def people_behind(question: Question, tenant: str, after: str, limit: int) -> list[PersonRow]:
    """The first `limit` people behind a pseudonym, in its order."""
    found: list[PersonRow] = []
    first = slice_of(after)
    for part in SLICES:
        if part >= first and len(found) < limit:
            values = (tenant, part, after, limit - len(found))
            rows = question.rows(PEOPLE_OF_TENANT, "person, position, told", _BEHIND, values)
            found += [_person(row) for row in rows]
    return found


def _person(row: Row) -> PersonRow:
    told = TOLD.unpack(row[2])
    return PersonRow(
        person=text(row[0]),
        age_group=told.age_group,
        sex=told.sex,
        proficiency=told.proficiency,
        consents=tuple(told.consents),
        version=number(row[1]),
    )
