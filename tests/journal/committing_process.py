"""A process that commits and says so, to be killed or to run out of room.

Arguments: the log's file, the shard, bytes of an event, and bytes that a file may have (0: any number). Prints a line
`position commit_id` for each commit after it returned, `full` when there is no room; then, if a line comes in, it
lifts the limit and goes on for ten commits.
"""

from __future__ import annotations

import resource
import secrets
import sys
from pathlib import Path

from kinelog.journal.errors import StorageFullError
from kinelog.journal.sqlite_journal import SqliteJournal

from tests.journal.stored_events import person_in, stored


def main() -> None:
    """Commit until killed or full."""
    path, shard, event_bytes, file_bytes = Path(sys.argv[1]), *map(int, sys.argv[2:5])
    journal = SqliteJournal(path)
    entity = person_in(shard, journal.shards).persistence_id
    owner = journal.acquire(shard, "process")
    head = owner.head
    if file_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, resource.RLIM_INFINITY))
    left = sys.maxsize
    while left:
        commit_id = secrets.token_bytes(16)
        events = [stored(entity, head + 1 + index, secrets.token_bytes(event_bytes)) for index in range(3)]
        try:
            head = journal.commit(shard, owner.epoch, head, commit_id, events)
        except StorageFullError:
            print("full", flush=True)
            sys.stdin.readline()
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            left = 10
            continue
        print(head, commit_id.hex(), flush=True)
        left -= 1
    journal.close()


if __name__ == "__main__":
    main()
