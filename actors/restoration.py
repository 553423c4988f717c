"""What a shard itself has to remember, read back at acquisition: open sessions, and erasures that may be unfinished."""

from __future__ import annotations

from kinelog.actors import messages, snapshots
from kinelog.actors.open_sessions import ERASING, OpenSessions
from kinelog.domain.identifiers import Person, person_of
from kinelog.journal.port import Journal
from kinelog.privacy.key_store import KeyStore

READ_EVENTS = 2_048


def restore_shard(journal: Journal, keys: KeyStore, shard: int, head: int) -> messages.Restored:
    """Fold the clear part of the log behind the shard's newest snapshot, up to `head`.

    An erasure is finished before the shard saves a snapshot of its own, so the unfinished ones lie behind it.

    Raises:
        JournalError: The log could not be read.
    """
    sessions, start = _newest(journal, shard, head)
    folded = OpenSessions(sessions)
    erased: dict[Person, None] = {}
    position = start
    while position < head:
        read = journal.read(shard, position, READ_EVENTS)
        if not read:
            break
        for positioned in read:
            event = positioned.event
            folded.apply(event.entity, event.type, event.at_ms)
            if event.type == ERASING:
                erased[person_of(event.entity)] = None
        position = read[-1].position
    unfinished = tuple(person for person in erased if not keys.is_erased(*person))
    for person in erased:
        # The crash may have come between the key and the snapshots: nobody can read those, but they need not stay.
        journal.discard_snapshots(person.persistence_id)
    return messages.Restored(folded.as_dict(), unfinished, start)


def _newest(journal: Journal, shard: int, head: int) -> tuple[dict[str, int], int]:
    for snapshot in journal.snapshots(snapshots.shard_entity(shard)):
        sessions = snapshots.open_sessions(snapshot)
        # A snapshot from beyond the head belongs to another history (a restored backup): not to be believed.
        if sessions is not None and snapshot.sequence <= head:
            return sessions, snapshot.sequence
    return {}, 0


def forget_people(journal: Journal, keys: KeyStore, people: tuple[Person, ...]) -> None:
    """Destroy keys and names, then discard the snapshots, which nobody can read from that moment on. Idempotent.

    Raises:
        JournalError: The snapshots may still be there.
        OSError: The key store could not be written.
    """
    for person in people:
        keys.forget(*person)
        journal.discard_snapshots(person.persistence_id)
