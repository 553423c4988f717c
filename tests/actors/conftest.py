"""A region on real parts, with a clock that only moves when a test says so."""

from __future__ import annotations

import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest
from kinelog.actors.answers import Answer
from kinelog.actors.region import Region
from kinelog.actors.settings import RegionSettings, ShardSettings
from kinelog.domain import commands as ask
from kinelog.domain.commands import Command
from kinelog.domain.identifiers import Person
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.memory_journal import MemoryJournal
from kinelog.journal.port import Journal
from kinelog.privacy.key_store import KeyStore

# Behind everything else on the path, so that the checkout's own folders (`codecs`!) shadow nothing.
sys.path.append(str(Path(__file__).resolve().parents[2]))

START_MS = 1_700_000_000_000


class Clock:
    """Unix milliseconds that stand still."""

    def __init__(self) -> None:
        self.now_ms = START_MS

    def __call__(self) -> int:
        return self.now_ms

    def advance(self, ms: int) -> None:
        """Let time go by."""
        self.now_ms += ms


class Asker:
    """Puts commands to a region from a thread, and keeps every answer it hears."""

    def __init__(self, region: Region) -> None:
        self.region = region
        self.heard: list[Answer] = []

    def submit(self, person: Person, command: Command) -> list[Answer]:
        """Submit; the list will hold every answer to this command."""
        answers: list[Answer] = []

        def hear(answer: Answer) -> None:
            answers.append(answer)
            self.heard.append(answer)

        self.region.submit(person, command, hear)
        return answers

    def ask(self, person: Person, command: Command) -> Answer:
        """Submit, and wait for the answer."""
        answers = self.submit(person, command)
        eventually(lambda: bool(answers))
        return answers[0]


def eventually(condition: Callable[[], bool], within_s: float = 20.0) -> None:
    """Wait for a condition."""
    never = threading.Event()
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it never came about"
        never.wait(0.002)


class MakeRegion(Protocol):
    def __call__(
        self, journal: Journal | None = None, settings: RegionSettings | None = None, *, start: bool = True
    ) -> Region: ...


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[KeyStore]:
    store = KeyStore.open(tmp_path / "keys")
    yield store
    store.close()


@pytest.fixture
def journal() -> MemoryJournal:
    return MemoryJournal(shards=4)


@pytest.fixture
def settings() -> RegionSettings:
    shard = ShardSettings(backoff_ms=1, backoff_limit_ms=10)
    return RegionSettings(tick_ms=5, restart_ms=1, restart_limit_ms=10, shard=shard)


@pytest.fixture
def make_region(journal: MemoryJournal, keys: KeyStore, clock: Clock, settings: RegionSettings) -> Iterator[MakeRegion]:
    regions: list[Region] = []

    def make(on: Journal | None = None, with_settings: RegionSettings | None = None, *, start: bool = True) -> Region:
        region = Region(on or journal, keys, EventCodec(keys), settings=with_settings or settings, clock=clock)
        regions.append(region)
        if start:
            region.start()
        return region

    yield make
    for region in regions:
        region.stop(2.0)


@pytest.fixture
def region(make_region: MakeRegion) -> Region:
    return make_region()


@pytest.fixture
def asker(region: Region) -> Asker:
    return Asker(region)


@pytest.fixture
def person(keys: KeyStore) -> Person:
    return Person("demo", keys.enrol("demo", "Ada"))


@pytest.fixture
def session() -> str:
    return str(uuid.UUID(int=7))


def frames(session: str, *sequences: int, at_ms: int = START_MS) -> ask.RecordFrames:
    """Good frames: one packed sample behind a gfs header."""
    return ask.RecordFrames(
        at_ms=at_ms,
        session=session,
        frames=tuple(
            ask.IncomingFrame(
                "watch", sequence, bytes((0xAD, 1, 100, 5, 0, sequence % 256, 0, 0, 0, 0)), None, START_MS
            )
            for sequence in sequences
        ),
    )


def start_session(asker: Asker, person: Person, session: str, at_ms: int = START_MS) -> None:
    """Register a person and start a session."""
    asker.ask(person, ask.RegisterUser(at_ms=at_ms))
    asker.ask(person, ask.StartSession(at_ms=at_ms, session=session, started_at_ms=at_ms))
