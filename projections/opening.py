"""Stored events opened for folding: readable, gone with their person, or unreadable for a reason worth reporting."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kinelog.domain.events import Event
from kinelog.journal.errors import CorruptError, UnknownEventError
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.records import Positioned
from kinelog.privacy.errors import ErasedPersonError, UnknownPersonError
from kinelog.projections.fold import owner_of


class Opened(NamedTuple):
    """An event of the log.

    Attributes:
        event: None where it cannot be read.
        error: Why not; None for an erased person's, which are passed over: all views forget that person anyway, and a
            rebuild, which never sees these events, must come to the same rows.
    """

    position: int
    entity: str
    owner: str
    event: Event | None
    error: str | None
    kind: type[Event] | None


def open_events(codec: EventCodec, stored: Iterable[Positioned]) -> list[Opened]:
    """Open events in log order.

    Raises:
        PrivacyError: The keys cannot be read at the moment: that says nothing about any event.
    """
    opened = []
    opening = codec.opening()
    for entry in stored:
        entity = entry.event.entity
        try:
            event = opening.open(entry.event)
        except ErasedPersonError:
            opened.append(Opened(entry.position, entity, owner_of(entity), None, None, None))
        except (CorruptError, UnknownEventError, UnknownPersonError) as error:
            why = f"{type(error).__name__}: {error}"
            opened.append(Opened(entry.position, entity, owner_of(entity), None, why, None))
        else:
            opened.append(Opened(entry.position, entity, owner_of(entity), event, None, type(event)))
    return opened
