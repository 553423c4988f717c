"""Logs to copy, and journals that fail on the way: what tests of copying share."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from kinelog.domain.identifiers import shard_of
from kinelog.journal.copy_mark import CopyMark, CopyMarks
from kinelog.journal.copying import LogCopy
from kinelog.journal.entity_chains import Comparison, compare
from kinelog.journal.errors import UnknownOutcomeError
from kinelog.journal.memory_journal import MemoryJournal
from kinelog.journal.port import Journal
from kinelog.journal.records import Positioned, StoredEvent
from kinelog.journal.sqlite_journal import SqliteJournal
from kinelog.privacy.key_store import KeyStore
from kinelog.service.configuration import DataFolder, master_key_from
from typing_extensions import override

from tests.journal.contract import new_id
from tests.journal.stored_events import person_in, stored

PEOPLE = 40
FINE = 1_000
"""People are drawn from this many fine shards, so that they spread over any number of shards in the same way."""


class Growing:
    """A log that grows by random commits: people and their sessions, over all shards."""

    def __init__(self, journal: Journal, seed: int = 1) -> None:
        """Grow this journal, which is empty."""
        self.journal = journal
        self._random = random.Random(seed)
        self._people = [person_in(number, FINE) for number in range(PEOPLE)]
        self._sequences: dict[str, int] = {}

    def grow(self, commits: int) -> None:
        """Commit so many times."""
        for _ in range(commits):
            shard = self._random.randrange(self.journal.shards)
            here = [person for person in self._people if shard_of(person, self.journal.shards) == shard]
            if not here:
                continue
            events = []
            for _ in range(self._random.randrange(1, 9)):
                person = self._random.choice(here)
                session = self._random.choice(["", "11111111-1111-4111-8111-111111111111"])
                entity = person.session(session) if session else person.persistence_id
                self._sequences[entity] = self._sequences.get(entity, 0) + 1
                events.append(stored(entity, self._sequences[entity], self._random.randbytes(20)))
            owner = self.journal.acquire(shard, "grower")
            self.journal.commit(shard, owner.epoch, owner.head, new_id(), events)


def grown(shards: int = 4, commits: int = 60, seed: int = 1) -> Growing:
    """A journal in memory that has grown by so many commits."""
    source = Growing(MemoryJournal(shards), seed)
    source.grow(commits)
    return source


class CrashError(Exception):
    """The process is gone."""


class CrashingJournal(MemoryJournal):
    """Dies at the n-th commit, before or after it is applied; some commits' outcomes are unknown."""

    def __init__(self, shards: int, seed: int) -> None:
        """Never dies until told."""
        super().__init__(shards)
        self._random = random.Random(seed)
        self.left = 1 << 60
        self.unknown = 0.0

    @override
    def commit(self, shard: int, epoch: int, after: int, commit_id: bytes, events: Sequence[StoredEvent]) -> int:
        self.left -= 1
        applied = self._random.random() < 0.5
        if self.left <= 0 and not applied:
            raise CrashError
        unknown = self._random.random() < self.unknown
        if unknown and not applied:
            raise UnknownOutcomeError("said by a test")
        last = super().commit(shard, epoch, after, commit_id, events)
        if self.left <= 0:
            raise CrashError
        if unknown:
            raise UnknownOutcomeError("said by a test")
        return last


def copy_round(source: Journal, destination: Journal, marks: CopyMarks) -> CopyMark:
    """Copy a round to its end."""
    copy = LogCopy(source, destination, marks)
    return copy.run(copy.begin(), lambda _events: None)


def compared(source: Journal, destination: Journal) -> Comparison:
    """Both logs, whole."""
    return compare(source, heads(source), destination, lambda _events: None)


def heads(journal: Journal) -> tuple[int, ...]:
    """Of all shards."""
    return tuple(map(journal.head, range(journal.shards)))


def log_of(journal: Journal) -> list[list[Positioned]]:
    """Everything, by shard."""
    return [journal.read(shard, 0, 1 << 30) for shard in range(journal.shards)]


def commits_in(journal: Journal) -> list[list[int]]:
    """Sizes of the commits, by shard."""
    return [[len(commit) for commit in journal.read_commits(shard, 0)] for shard in range(journal.shards)]


def make_data(folder: Path, commits: int) -> Path:
    """A data folder with people and a log."""
    opened = DataFolder(folder)
    opened.create()
    journal = SqliteJournal(opened.log, shards=4)
    Growing(journal).grow(commits)
    journal.close()
    keys = KeyStore.open(opened.keys, master_key_from())
    for name in ("ada", "ben"):
        keys.enrol("demo", name)
    keys.close()
    return folder


KILLING = """
import os, signal, sys, threading, time
from kinelog.journal import copying
from kinelog.journal.cassandra.journal import CassandraJournal
from kinelog.journal.sqlite_journal import SqliteJournal
from kinelog.service.commands.journal import command

destination = {"sqlite": SqliteJournal, "cassandra": CassandraJournal}[sys.argv[1]]
commits, pause_s = int(sys.argv[2]), float(sys.argv[3])
copying.GATHERED_BYTES = 2_000
plain = destination.commit
made = 0

def die():
    time.sleep(pause_s)
    os.kill(os.getpid(), signal.SIGKILL)

def commit(*arguments):
    global made
    made += 1
    if made == commits:
        threading.Thread(target=die).start()
    if 0 < commits <= made - 4:
        time.sleep(60)  # a machine that lets us wait for our end must not let us reach that of the copy before
    return plain(*arguments)

destination.commit = commit
command(sys.argv[4:])
"""
"""Runs the command, and kills its process a moment after a commit was begun, at most a few commits later."""
