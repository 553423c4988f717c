"""Replaying parked events: after a defect is mended, what was set aside is folded in order."""

from __future__ import annotations

import logging

import msgspec
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.port import Journal
from kinelog.projections.errors import ViewsMovedError
from kinelog.projections.folding import Folding
from kinelog.projections.opening import Opened, open_events
from kinelog.projections.rows import ParkedRow
from kinelog.projections.view_store import LIVE, ViewStore
from kinelog.projections.views import VIEWS

logger = logging.getLogger(__name__)

TRIES = 20
"""How often a person's replay starts again because the live worker wrote in between."""


class Replayed(msgspec.Struct, frozen=True):
    """What a replay did: events folded, and events that still wait."""

    folded: int
    waiting: int


def replay_parked(journal: Journal, codec: EventCodec, store: ViewStore) -> Replayed:
    """Fold the parked events of every live view, person by person.

    A person's events are folded up to the first that still fails; those behind it go on waiting. Other people's rows
    are not touched, so a live worker may go on meanwhile.

    Raises:
        ViewsMovedError: The live worker was faster time and again; nothing is lost, try again.
        JournalError: The log cannot be read.
    """
    folded = 0
    for generation in store.generations(LIVE):
        if VIEWS.get(generation.view) is None or VIEWS[generation.view].version != generation.version:
            continue
        for owner in sorted(store.parked_owners(generation)):
            for attempt in range(TRIES):
                folding = Folding(store, VIEWS[generation.view], generation)
                try:
                    folded += replay_person(journal, codec, store, folding, owner)
                    break
                except ViewsMovedError:
                    if attempt == TRIES - 1:
                        raise
    waiting = sum(len(store.parked(generation)) for generation in store.generations(LIVE))
    return Replayed(folded, waiting)


def replay_person(journal: Journal, codec: EventCodec, store: ViewStore, folding: Folding, owner: str) -> int:
    """Fold the parked events of one person of one view, up to the first that still fails; how many that were.

    Raises:
        ViewsMovedError: Somebody else wrote in between.
        JournalError: The log cannot be read.
    """
    waiting = store.parked(folding.generation, owner)
    if not waiting:
        return 0
    shard = waiting[0].shard
    batch = folding.replay(shard, owner, [_read_again(journal, codec, parked) for parked in waiting])
    store.apply([batch])
    still = {parking.position for parking in batch.parked}
    logger.info("view %s: %d parked events folded", folding.view.name, len(waiting) - len(still))
    return len(waiting) - len(still)


def _read_again(journal: Journal, codec: EventCodec, parked: ParkedRow) -> Opened:
    stored = journal.read(parked.shard, parked.position - 1, 1)
    return open_events(codec, stored[:1])[0]
