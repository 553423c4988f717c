"""Traces as the other parts see them: spans where somebody asked for traces, and otherwise nothing at all.

A request is a trace of its own, or a part of the phone's (`traceparent`). A commit answers many requests, so it is a
trace of its own too, and links to theirs; its trace id *is* the commit id, which stands in the log, and so the worker
that folds the commit into the views goes on with its trace although nothing was stored for that.

Who may trace asks `active()` and does nothing where that is None. OpenTelemetry is loaded by `start` alone.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

import msgspec

ENDPOINT_VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT"
"""What OpenTelemetry's own programs read; ours is the setting `otlp_endpoint`."""

Attributes = Mapping[str, str | int | float | bool]


class TracingError(Exception):
    """Traces were asked for and cannot be made; the message says what to do."""


class TraceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What is traced, and where it goes.

    Attributes:
        endpoint: Base URL of an OpenTelemetry collector (OTLP over HTTP); None for no traces.
        ratio: Share of the traces that begin here and are kept; those of a phone that says its own is kept are too.
        node: Name of this process.
        version: Of the program.
    """

    endpoint: str | None
    ratio: float
    node: str
    version: str


class Span(Protocol):
    """Something that is going on."""

    @property
    def traceparent(self) -> str:
        """How whoever goes on with the trace elsewhere is told (W3C)."""
        ...

    def note(self, attributes: Attributes) -> None:
        """Say more about it."""
        ...

    def failed(self, why: str) -> None:
        """It came to nothing."""
        ...

    def end(self) -> None:
        """It is over; from any thread."""
        ...

    def within(self) -> AbstractContextManager[object]:
        """What is done within this context is part of it. Leaving it does not end the span."""
        ...


class Tracer(ABC):
    """Makes spans. Thread-safe."""

    @abstractmethod
    def request(self, name: str, traceparent: str | None) -> Span | None:
        """A request came in, part of the caller's trace if it names one; None if its trace is not kept."""

    @abstractmethod
    def question(self, name: str, attributes: Attributes) -> Span | None:
        """Another node is asked, for what is going on in this context; None if that is not traced."""

    @abstractmethod
    def questioned(self, name: str, traceparent: str, attributes: Attributes) -> Span | None:
        """Another node asks, within its trace; None if that is not kept."""

    @abstractmethod
    def current(self) -> str | None:
        """`traceparent` of what is going on in this context, if it is traced."""

    @abstractmethod
    def answered_by(self, commit_id: bytes) -> None:
        """A commit answered what is going on in this context."""

    @abstractmethod
    def commit_id(self, random: bytes) -> bytes:
        """An id for a commit for which somebody waits whose request is traced, of 16 random bytes."""

    @abstractmethod
    def commit(self, commit_id: bytes, requests: Iterable[str], attributes: Attributes) -> Span | None:
        """A commit begins, which answers requests (`traceparent`); None if its trace is not kept."""

    @abstractmethod
    def keeps(self, commit_id: bytes) -> bool:
        """Whether the trace of a commit is kept."""

    @abstractmethod
    def projected(self, commit_id: bytes, began_ns: int, ended_ns: int, attributes: Attributes) -> None:
        """A commit was folded into the views, from … to … (Unix nanoseconds); nothing if its trace is not kept."""

    @abstractmethod
    def close(self) -> None:
        """Send what was not sent yet, for a moment, and make no more."""


_active: Tracer | None = None


def active() -> Tracer | None:
    """What makes spans in this process; None where nobody asked for traces."""
    return _active


def current() -> str | None:
    """`traceparent` of what is going on in this context; None if it is not traced."""
    return None if _active is None else _active.current()


def start(settings: TraceSettings) -> Tracer | None:
    """Trace from here on, if an endpoint was given.

    Raises:
        TracingError: OpenTelemetry is not installed, or the settings are wrong.
    """
    if settings.endpoint is None:
        return None
    try:
        from kinelog.observability.open_telemetry import collecting_tracer
    except ImportError as error:
        message = "otlp_endpoint asks for traces, and OpenTelemetry is not installed: pip install 'kinelog[tracing]'"
        raise TracingError(message) from error
    return use(collecting_tracer(settings))


def use(tracer: Tracer) -> Tracer:
    """Trace with this one."""
    global _active  # noqa: PLW0603 - one of a process, as its log is
    _active = tracer
    return tracer


def stop() -> None:
    """Trace no more."""
    global _active
    tracer, _active = _active, None
    if tracer is not None:
        tracer.close()


def endpoint_of(configured: str | None, environment: Mapping[str, str] | None = None) -> str | None:
    """Where traces go: what we are told, or what OpenTelemetry's own programs are."""
    environment = os.environ if environment is None else environment
    return configured or environment.get(ENDPOINT_VARIABLE) or None
