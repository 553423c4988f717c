"""The version after this one, made up: it writes frames as version 2 of their event, which this version cannot read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kinelog.domain import upcasting
from kinelog.domain.events import FrameRecorded

from tests.cluster_chaos.replaced_parts import replace_part

FORM = 2
CHANGED = FrameRecorded.__name__


def install() -> None:
    """Make this process one of the next version.

    The service computes some things as it is imported, so the event comes first.
    """
    replace_part(FrameRecorded, "schema", FORM)
    upcasting.UPCASTERS[CHANGED, 1] = _same_fields
    from kinelog.journal import event_codec, event_forms

    event_codec._TAILS[CHANGED] = f"\0{CHANGED}\0{FORM}".encode()
    event_forms.SINCE[CHANGED] = (1, FORM)
    event_forms.DOWNCASTERS[CHANGED, FORM] = _same_fields
    replace_part(event_forms, "NEWEST", FORM)
    replace_part(event_forms.FORMS, "newest", FORM)


@contextmanager
def installed() -> Iterator[None]:
    """The same for a while, for who only reads."""
    from kinelog.journal import event_codec, event_forms

    before = event_forms.NEWEST
    install()
    try:
        yield
    finally:
        replace_part(FrameRecorded, "schema", 1)
        del upcasting.UPCASTERS[CHANGED, 1]
        event_codec._TAILS[CHANGED] = f"\0{CHANGED}\0001".encode()
        del event_forms.SINCE[CHANGED], event_forms.DOWNCASTERS[CHANGED, FORM]
        replace_part(event_forms, "NEWEST", before)
        replace_part(event_forms.FORMS, "newest", before)


def _same_fields(fields: list[object]) -> list[object]:
    """What the two versions differ in is that the old program refuses to read the new one's."""
    return fields
