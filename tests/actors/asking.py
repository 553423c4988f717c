"""What the tests of the shell share: a clock that stands still, somebody who asks, frames that decode."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from kinelog.actors.answers import Answer
from kinelog.actors.region import Region
from kinelog.actors.settings import RegionSettings
from kinelog.domain import commands as ask
from kinelog.domain.commands import Command
from kinelog.domain.identifiers import Person
from kinelog.journal.port import Journal

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
    """Makes regions, and stops them in the end."""

    def __call__(
        self, on: Journal | None = None, with_settings: RegionSettings | None = None, *, start: bool = True
    ) -> Region: ...


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
