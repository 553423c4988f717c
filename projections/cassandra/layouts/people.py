"""`people`: a tenant's people by pseudonym, in slices by its first digit, since a tenant may be a chain of gyms."""

from __future__ import annotations

import msgspec
from kinelog.projections.cassandra.layout import Order, QueryTable, Values, columns_of, of_records
from kinelog.projections.cassandra.layouts.packed_record import Packed
from kinelog.projections.views.people import PEOPLE_TABLE, StoredPerson

SLICES = tuple("0123456789abcdef")
"""In the order of pseudonyms, which are hexadecimal: slices one after the other are one ordered list."""


class Told(msgspec.Struct, frozen=True, array_like=True):
    """What a person said of themselves and consents to."""

    age_group: str | None
    sex: str | None
    proficiency: str | None
    consents: list[str]


TOLD = Packed(Told)


def slice_of(person: str) -> str:
    """Which slice a person is in; the first for a name in front of all of them."""
    return person[:1] or SLICES[0]


def _rows(stored: StoredPerson, _: object) -> tuple[Values]:
    told = TOLD.pack(Told(stored.age_group, stored.sex, stored.proficiency, stored.consents))
    return ((stored.tenant, slice_of(stored.person), stored.person, stored.position, told),)


PEOPLE_OF_TENANT = of_records(
    PEOPLE_TABLE,
    "people",
    columns=columns_of("tenant text, slice text, person text, position bigint, told blob"),
    partition=("tenant", "slice"),
    clustering=(("person", Order.ASC),),
    rows=_rows,
)
"""`people()`: a piece of each slice that the page reaches into."""

PEOPLE_TABLES: tuple[QueryTable, ...] = (PEOPLE_OF_TENANT,)
