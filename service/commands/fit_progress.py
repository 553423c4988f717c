"""What `kinelog fit run` shows while it works: a bar with the time left, or a JSON object a line."""

from __future__ import annotations

import json
import sys
import time
from types import TracebackType
from typing import Self

import click
from click._termui_impl import ProgressBar
from kinelog.ml.night_log import Field, NightLog
from typing_extensions import override

SAID_EVERY_S = 5.0
"""Steps of a phase are summed up for machines that often, and at the phase's end."""


class TerminalLog(NightLog):
    """For somebody at a terminal, on standard error; without one only what is worth a line."""

    def __init__(self) -> None:
        """Nothing is shown yet."""
        self._bar: ProgressBar[int] | None = None

    @override
    def phase(self, name: str, steps: int) -> None:
        self._end()
        if sys.stderr.isatty() and steps:
            self._bar = click.progressbar(length=steps, label=f"{name:8}", file=sys.stderr, show_eta=True)
            self._bar.__enter__()

    @override
    def step(self) -> None:
        if self._bar is not None:
            self._bar.update(1)

    @override
    def event(self, name: str, **fields: Field) -> None:
        said = " ".join(f"{field}={value}" for field, value in fields.items())
        if self._bar is not None:
            click.echo(err=True)
        click.echo(f"{name}: {said}", err=True)

    def __enter__(self) -> Self:
        """Nothing is shown yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the line that the bar is on."""
        self._end()

    def _end(self) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = None


class JsonLog(NightLog):
    """For machines: one object a line on standard output, each with `event` and `at_ms`."""

    def __init__(self) -> None:
        """No phase yet."""
        self._phase, self._steps, self._done = "", 0, 0
        self._began = self._said = time.monotonic()

    @override
    def phase(self, name: str, steps: int) -> None:
        self._phase, self._steps, self._done = name, steps, 0
        self._began = self._said = time.monotonic()
        self.event("phase", phase=name, steps=steps)

    @override
    def step(self) -> None:
        self._done += 1
        now = time.monotonic()
        if now - self._said >= SAID_EVERY_S or self._done == self._steps:
            self._said = now
            left = (now - self._began) / self._done * (self._steps - self._done)
            self.event("progress", phase=self._phase, done=self._done, steps=self._steps, seconds_left=round(left, 1))

    @override
    def event(self, name: str, **fields: Field) -> None:
        # Flushed: whoever reads along reads a pipe.
        click.echo(json.dumps({"event": name, "at_ms": time.time_ns() // 1_000_000, **fields}))
        sys.stdout.flush()

    def __enter__(self) -> Self:
        """Nothing to open."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to close."""
