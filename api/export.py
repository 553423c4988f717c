"""`GET /v1/users/{user}/export`: everything of a person, streamed."""

from __future__ import annotations

from collections.abc import Iterator

from aiohttp import hdrs, web
from kinelog.api.call import Call
from kinelog.api.export_archive import PersonArchive
from kinelog.api.whose import person_named, user_state
from kinelog.journal.event_codec import EventCodec

PIECE_BYTES = 64 * 1024


async def export_user(call: Call) -> web.StreamResponse:
    """Stream the archive. What fails once it has begun can only break it off: the client sees a cut transfer."""
    person = await person_named(call)
    await user_state(call, person)
    services = call.context.services
    name = call.part("user")
    disposition = f'attachment; filename="kinelog-{name}.zip"'
    response = web.StreamResponse(headers={"Content-Disposition": disposition, "Cache-Control": "no-store"})
    response.content_type = "application/zip"
    if call.request.method == hdrs.METH_HEAD:
        return response
    archive = PersonArchive(services.journal, EventCodec(services.keys), person, name)
    pieces = archive.pieces()
    first = await call.context.unhurried(_some, pieces)
    await response.prepare(call.request)
    while first:
        await response.write(first)
        first = await call.context.unhurried(_some, pieces)
    await response.write_eof()
    return response


def _some(pieces: Iterator[bytes]) -> bytes:
    """Pieces until they are worth sending; empty at the end."""
    some = bytearray()
    for piece in pieces:
        some += piece
        if len(some) >= PIECE_BYTES:
            break
    return bytes(some)
