"""`people`: who is known, what they told that groups them, and what they consent to: whom a fit may learn from."""

from __future__ import annotations

from kinelog.domain.events import ConsentGiven, ConsentWithdrawn, Event, ProfileSet, UserRegistered
from kinelog.domain.values import Profile
from kinelog.projections.fold import Origin, Rows, view
from kinelog.projections.rows import PersonRow
from kinelog.projections.tables import Record, Table


class StoredPerson(Record):
    """A person. Height and weight stay in the log: nobody asks the views for them.

    Attributes:
        consents: Purposes, sorted.
        position: Of the last event that changed this row.
    """

    tenant: str
    person: str
    age_group: str | None
    sex: str | None
    proficiency: str | None
    consents: list[str]
    position: int


PEOPLE_TABLE = Table("people", StoredPerson, key=("tenant", "person"))


def fold(rows: Rows, at: Origin, event: Event) -> None:
    """What was told last holds."""
    stored = rows.one(PEOPLE_TABLE, at.entity)
    if stored is None:
        tenant, person, _ = at.names
        stored = StoredPerson(at.entity, tenant, person, None, None, None, [], at.position)
    stored.position = at.position
    match event:
        case ProfileSet():
            _tell(stored, event.profile)
        case ConsentGiven():
            stored.consents = sorted({*stored.consents, event.purpose.value})
        case ConsentWithdrawn():
            stored.consents = [purpose for purpose in stored.consents if purpose != event.purpose.value]
        case _:
            pass
    rows.put(PEOPLE_TABLE, stored)


def _tell(stored: StoredPerson, profile: Profile) -> None:
    stored.age_group = None if profile.age_group is None else profile.age_group.value
    stored.sex = None if profile.sex is None else profile.sex.value
    stored.proficiency = None if profile.proficiency is None else profile.proficiency.value


def row_of(stored: StoredPerson) -> PersonRow:
    """The person as readers see them."""
    return PersonRow(
        person=stored.person,
        age_group=stored.age_group,
        sex=stored.sex,
        proficiency=stored.proficiency,
        consents=tuple(stored.consents),
        version=stored.position,
    )


PEOPLE = view("people", 1, (PEOPLE_TABLE,), (UserRegistered, ProfileSet, ConsentGiven, ConsentWithdrawn), fold)
