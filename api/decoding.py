"""`POST /v1/frames:decode`: what every field and sample of these bytes means, without storing anything."""

from __future__ import annotations

from functools import partial

from aiohttp import web
from kinelog.api.call import Call
from kinelog.api.documents import BlockDocument, DecodedFrame, FieldDocument
from kinelog.api.json_body import encode_json
from kinelog.api.parameters import format_named
from kinelog.api.problems import ProblemError, ProblemPart
from kinelog.api.request_body import read_body
from kinelog.codecs.errors import CodecError
from kinelog.codecs.explain import ExplainedField, explain
from kinelog.codecs.values import Block, Format


async def decode_frame(call: Call) -> web.StreamResponse:
    """Decode the body; an error names the byte."""
    layout = format_named(call.query("format"))
    settings = call.context.services.settings
    data = await read_body(call.request, settings.frame_body_bytes, settings.body_timeout_s)
    body = await call.context.blocking(partial(_decoded, data, layout))
    return web.Response(body=body, content_type="application/json")


def _decoded(data: bytes, layout: Format | None) -> bytes:
    explanation = explain(data, layout, all_samples=True)
    error, frame = explanation.error, explanation.frame
    if error is not None or frame is None:
        raise _problem(error)
    document = DecodedFrame(
        format=frame.summary.format,
        device=frame.summary.device,
        dead=frame.summary.dead,
        blocks=tuple(_block(block) for block in frame.blocks),
        fields=tuple(_field(field) for field in explanation.fields),
    )
    return encode_json(document)


def _problem(error: CodecError | None) -> ProblemError:
    if error is None:
        raise TypeError("bytes are a frame, or there is an error that says why not")
    return ProblemError(error.code, error.detail, part=ProblemPart(error.detail, offset=error.offset))


def _field(field: ExplainedField) -> FieldDocument:
    return FieldDocument(
        name=field.name, offset=field.offset, size=field.size, bits=field.bits, hex=field.hex, value=field.value,
        meaning=field.meaning,
    )  # fmt: skip


def _block(block: Block) -> BlockDocument:
    told = block.summary
    return BlockDocument(
        kind=told.kind, location=told.location, unit=told.unit, rate_hz=told.rate_hz, sequence=told.sequence,
        start_ms=told.start_ms, samples=block.samples.tolist(),
    )  # fmt: skip
