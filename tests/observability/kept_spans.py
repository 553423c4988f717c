"""Spans that a test looks at: the real tracer, with a processor that keeps what it is given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kinelog.observability import tracing
from kinelog.observability.open_telemetry import OpenTelemetryTracer
from kinelog.observability.tracing import TraceSettings
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

SETTINGS = TraceSettings(endpoint="http://127.0.0.1:1", ratio=1.0, node="n1", version="1")


class KeptSpans:
    """Finished spans of this process."""

    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self._exporter = exporter

    def all(self) -> list[ReadableSpan]:
        return list(self._exporter.get_finished_spans())

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.all() if span.name == name]

    def one(self, name: str) -> ReadableSpan:
        (found,) = self.named(name)
        return found


@contextmanager
def kept_spans(settings: TraceSettings = SETTINGS) -> Iterator[KeptSpans]:
    """Trace meanwhile."""
    exporter = InMemorySpanExporter()
    tracing.use(OpenTelemetryTracer(settings, SimpleSpanProcessor(exporter)))
    try:
        yield KeptSpans(exporter)
    finally:
        tracing.stop()


def trace_id(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.trace_id:032x}"


def span_id(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.span_id:016x}"


def parent_id(span: ReadableSpan) -> str | None:
    return None if span.parent is None else f"{span.parent.span_id:016x}"


def linked(span: ReadableSpan) -> set[tuple[str, str]]:
    """Trace and span of everything that a span links to."""
    return {(f"{link.context.trace_id:032x}", f"{link.context.span_id:016x}") for link in span.links}
