"""Spans by OpenTelemetry. Nothing but `tracing.start` loads this file, and only where traces were asked for.

Whether a trace is kept is decided here, before a span is made: what is not kept costs a comparison. Exceptions are not
recorded in spans, since messages of foreign ones may quote what they were given.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from contextlib import AbstractContextManager

from kinelog.observability.sampling import ID_BYTES, Sampling
from kinelog.observability.traceparent import parsed, written
from kinelog.observability.tracing import Attributes, Span, Tracer, TraceSettings, TracingError
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags
from typing_extensions import override

EXPORT_S = 5.0
CLOSE_S = 2.0
QUEUED_SPANS = 4096
"""What waits for a collector that is slow or away; what comes beyond is dropped."""

LINKS = 128
"""Requests that a commit names; OpenTelemetry drops more by itself."""

SPAN_ID_BYTES = 8
"""The first ones of a commit id name the commit's own span: so who goes on with its trace knows what to go on from."""

_KEPT = TraceFlags(TraceFlags.SAMPLED)


def collecting_tracer(settings: TraceSettings) -> Tracer:
    """A tracer that sends what it keeps to a collector, in batches, on a thread of its own.

    Raises:
        TracingError: The ratio or the endpoint is wrong.
    """
    endpoint = settings.endpoint or ""
    if not endpoint.startswith(("http://", "https://")):
        raise TracingError(f"otlp_endpoint: {endpoint!r} is no http:// or https:// address of a collector")
    exporter = OTLPSpanExporter(endpoint.rstrip("/") + "/v1/traces", timeout=EXPORT_S)
    return OpenTelemetryTracer(settings, BatchSpanProcessor(exporter, max_queue_size=QUEUED_SPANS))


class OpenTelemetryTracer(Tracer):
    """Makes spans and hands them to a processor."""

    def __init__(self, settings: TraceSettings, processor: SpanProcessor) -> None:
        """Begin.

        Raises:
            TracingError: The ratio is wrong.
        """
        try:
            self._sampling = Sampling(settings.ratio)
        except ValueError as error:
            raise TracingError(f"trace_ratio: {error}") from error
        self._ids = _Ids()
        resource = Resource.create(
            {
                "service.name": "kinelog",
                "service.instance.id": settings.node,
                "service.version": settings.version,
            }
        )
        # Decided by us before a span is made, so the sampler has nothing left to decide.
        self._provider = TracerProvider(ALWAYS_ON, resource=resource, shutdown_on_exit=False, id_generator=self._ids)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("kinelog")

    @override
    def request(self, name: str, traceparent: str | None) -> Span | None:
        if parsed(traceparent) is not None:
            return self._continued(name, traceparent, {})
        trace_id = os.urandom(ID_BYTES)
        if not self._sampling.keeps(trace_id):
            return None
        self._ids.give(trace_id)
        return _OpenSpan(self._tracer.start_span(name, Context(), SpanKind.SERVER))

    @override
    def question(self, name: str, attributes: Attributes) -> Span | None:
        if self.current() is None:
            return None
        return _OpenSpan(self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes))

    @override
    def questioned(self, name: str, traceparent: str, attributes: Attributes) -> Span | None:
        return self._continued(name, traceparent, attributes)

    def _continued(self, name: str, traceparent: str | None, attributes: Attributes) -> Span | None:
        caller = parsed(traceparent)
        if caller is None or not caller.kept:
            return None
        behind = _behind(caller.trace_id, caller.span_id)
        return _OpenSpan(self._tracer.start_span(name, behind, SpanKind.SERVER, attributes))

    @override
    def current(self) -> str | None:
        context = trace.get_current_span().get_span_context()
        return _written(context) if context.is_valid else None

    @override
    def answered_by(self, commit_id: bytes) -> None:
        if self._sampling.keeps(commit_id):
            trace.get_current_span().add_link(_context(commit_id, commit_id[:SPAN_ID_BYTES]))

    @override
    def commit_id(self, random: bytes) -> bytes:
        return self._sampling.kept(random)

    @override
    def keeps(self, commit_id: bytes) -> bool:
        return self._sampling.keeps(commit_id)

    @override
    def commit(self, commit_id: bytes, requests: Iterable[str], attributes: Attributes) -> Span | None:
        if not self._sampling.keeps(commit_id):
            return None
        callers = [caller for caller in map(parsed, requests) if caller is not None]
        links = [Link(_context(caller.trace_id, caller.span_id)) for caller in callers[:LINKS]]
        self._ids.give(commit_id, commit_id[:SPAN_ID_BYTES])
        return _OpenSpan(self._tracer.start_span("commit", Context(), attributes=attributes, links=links))

    @override
    def projected(self, commit_id: bytes, began_ns: int, ended_ns: int, attributes: Attributes) -> None:
        if self._sampling.keeps(commit_id):
            behind = _behind(commit_id, commit_id[:SPAN_ID_BYTES])
            span = self._tracer.start_span(
                "project", behind, SpanKind.CONSUMER, attributes=attributes, start_time=began_ns
            )
            span.end(ended_ns)

    @override
    def close(self) -> None:
        # A collector that is away makes the last sending hang for longer than anybody should wait for it.
        last = threading.Thread(target=self._provider.shutdown, name="kinelog-last-spans", daemon=True)
        last.start()
        last.join(CLOSE_S)


class _OpenSpan(Span):
    """One of OpenTelemetry's."""

    __slots__ = ("_span",)

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    @property
    @override
    def traceparent(self) -> str:
        return _written(self._span.get_span_context())

    @override
    def note(self, attributes: Attributes) -> None:
        self._span.set_attributes(attributes)

    @override
    def failed(self, why: str) -> None:
        self._span.set_status(StatusCode.ERROR, why)

    @override
    def end(self) -> None:
        self._span.end()

    @override
    def within(self) -> AbstractContextManager[object]:
        return trace.use_span(self._span, record_exception=False, set_status_on_exception=False)


class _Ids(RandomIdGenerator):
    """Random ids, but for the next span of a thread whose ids were given."""

    def __init__(self) -> None:
        self._given = threading.local()

    def give(self, trace_id: bytes, span_id: bytes = b"") -> None:
        """The next span that this thread begins has these."""
        self._given.trace_id, self._given.span_id = int.from_bytes(trace_id), int.from_bytes(span_id)

    @override
    def generate_trace_id(self) -> int:
        given: int = getattr(self._given, "trace_id", 0)
        self._given.trace_id = 0
        return given or super().generate_trace_id()

    @override
    def generate_span_id(self) -> int:
        given: int = getattr(self._given, "span_id", 0)
        self._given.span_id = 0
        return given or super().generate_span_id()


def _context(trace_id: bytes, span_id: bytes) -> SpanContext:
    return SpanContext(int.from_bytes(trace_id), int.from_bytes(span_id), is_remote=True, trace_flags=_KEPT)


def _behind(trace_id: bytes, span_id: bytes) -> Context:
    return trace.set_span_in_context(NonRecordingSpan(_context(trace_id, span_id)), Context())


def _written(context: SpanContext) -> str:
    return written(context.trace_id.to_bytes(16), context.span_id.to_bytes(8))
