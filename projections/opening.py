"""Stored events opened for folding: readable, gone with their person, or unreadable for a reason worth reporting."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kinelog.domain.events import Event
from kinelog.journal.errors import JournalError
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.records import Positioned
from kinelog.privacy.errors import ErasedPersonError, PrivacyError
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


def open_events(codec: EventCodec, stored: Iterable[Positioned]) -> list[Opened]:
    """Open events in log order."""
    opened = []
    for position, event in ((entry.position, entry.event) for entry in stored):
        entity = event.entity
        try:
            opened.append(Opened(position, entity, owner_of(entity), codec.open(event), None))
        except ErasedPersonError:
            opened.append(Opened(position, entity, owner_of(entity), None, None))
        except (JournalError, PrivacyError) as error:
            opened.append(Opened(position, entity, owner_of(entity), None, f"{type(error).__name__}: {error}"))
    return opened
