"""`POST /v1/frames:decode`: what every field and sample of these bytes means, without storing anything."""

from __future__ import annotations

from functools import partial

from aiohttp import web
from kinelog.api.call import Call
from kinelog.api.documents import BlockDocument, DecodedFrame
from kinelog.api.json_body import encode_json
from kinelog.api.parameters import format_named
from kinelog.api.problems import ProblemError, ProblemPart
from kinelog.api.request_body import read_body
from kinelog.codecs.errors import CodecError
from kinelog.codecs.frames import decode
from kinelog.codecs.values import Block, Format


async def decode_frame(call: Call) -> web.StreamResponse:
    """Decode the body; an error names the byte."""
    layout = format_named(call.query("format"))
    settings = call.context.services.settings
    data = await read_body(call.request, settings.frame_body_bytes, settings.body_timeout_s)
    body = await call.context.blocking(partial(_decoded, data, layout))
    return web.Response(body=body, content_type="application/json")


def _decoded(data: bytes, layout: Format | None) -> bytes:
    try:
        frame = decode(data, layout)
    except CodecError as error:
        raise ProblemError(error.code, error.detail, part=ProblemPart(error.detail, offset=error.offset)) from error
    document = DecodedFrame(
        format=frame.summary.format,
        device=frame.summary.device,
        dead=frame.summary.dead,
        blocks=tuple(_block(block) for block in frame.blocks),
        fields=(),
    )
    return encode_json(document)


def _block(block: Block) -> BlockDocument:
    told = block.summary
    return BlockDocument(
        kind=told.kind, location=told.location, unit=told.unit, rate_hz=told.rate_hz, sequence=told.sequence,
        start_ms=told.start_ms, samples=block.samples.tolist(),
    )  # fmt: skip
