"""A whole deployment copied from one store into another: keys, log, keys again, and the proof that it is the same."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

import msgspec
from kinelog.journal.copying import LogCopy, events_of
from kinelog.journal.entity_chains import compare
from kinelog.privacy.key_copying import copy_keys, require_same_master_key
from kinelog.privacy.master_key import MasterKey
from kinelog.service.copy_end import CopyEnd
from kinelog.service.errors import RefusedError


class Shown(Protocol):
    """How somebody who waits is told of a step of so many events, and of each few of them, from any thread."""

    def __call__(self, step: str, events: int) -> AbstractContextManager[Callable[[int], None]]:
        """Begin a step."""


class CopyResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a copy did and found.

    Attributes:
        source: Incarnation of the source.
        destination: Incarnation of the destination.
        shards: Number of shards of the destination.
        events: Events at the destination, all of them compared.
        copied: Events of this round.
        entities: Entities, each with a chain of its own.
        chains: Hash over the heads of all chains; equal on both sides.
        people: People whose keys were copied.
        erased: People who were erased at the destination as they are at the source.
        complete: Whether the source was left alone meanwhile, so that the destination may be served now.
    """

    source: str
    destination: str
    shards: int
    events: int
    copied: int
    entities: int
    chains: str
    people: int
    erased: int
    complete: bool


def copy_store(source: CopyEnd, destination: CopyEnd, master: MasterKey, shown: Shown, *, complete: bool) -> CopyResult:
    """Copy what the destination lacks, and compare every entity.

    Args:
        source: From where.
        destination: To where: empty, or an unfinished copy of the same source.
        master: The master key of both.
        shown: Who is told how far it is.
        complete: Whether nobody writes to the source any more.

    Raises:
        CopyRefusedError: The destination holds something else, or the source got events although nobody writes to it.
        RefusedError: The two differ.
        PrivacyError: Another master key; or keys that cannot be copied.
        JournalError: A store does not answer, or a commit is damaged.
    """
    require_same_master_key(master, (source.keys, destination.keys))
    copy = LogCopy(source.journal, destination.journal, destination.marks)
    # The end of the round is fixed first: whoever has an event before it had a key before that.
    mark = copy.begin()
    before = copy_keys(source.keys, destination.keys, _now_ms)
    with shown("copying", events_of(mark)) as progress:
        try:
            mark = copy.run(mark, progress)
        except BaseException:
            copy.stop()
            raise
    after = copy_keys(source.keys, destination.keys, _now_ms)
    with shown("comparing", 2 * sum(mark.until)) as progress:
        found = compare(source.journal, mark.until, destination.journal, progress)
    if found.differing:
        named = "\n".join(found.named)
        raise RefusedError(
            f"{found.differing} of {found.entities} entities differ; run `kinelog journal verify` on both stores, and "
            f"copy into an empty one:\n{named}"
        )
    if complete:
        mark = copy.complete(mark)
    return CopyResult(
        source=source.journal.incarnation,
        destination=destination.journal.incarnation,
        shards=destination.journal.shards,
        events=found.events,
        copied=events_of(mark),
        entities=found.entities,
        chains=found.head,
        people=after.people,
        erased=before.erased + after.erased,
        complete=mark.complete,
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
