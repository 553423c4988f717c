"""The bodies of batches: msgpack lists of frames, read under strict limits, and cut into commands."""

from __future__ import annotations

from collections.abc import Iterator

import msgpack  # type: ignore[import-untyped] # it has no annotations
from kinelog.api.parameters import MAX_SEQUENCE, MAX_UNIX_MS, format_named
from kinelog.api.problems import ProblemError, ProblemPart
from kinelog.api.settings import ApiSettings
from kinelog.codecs.values import Format
from kinelog.domain.commands import IncomingFrame
from kinelog.domain.identifiers import DEVICE_PATTERN

MAX_DEVICE_CHARACTERS = 64
FIELDS = ("device", "seq", "bytes", "start_ms", "format")


def frames_of(
    body: bytes, settings: ApiSettings, named: Format | None, start_ms: int | None = None
) -> list[IncomingFrame]:
    """The frames of a msgpack body `[[device, seq, bytes, start_ms?, format?], …]`.

    Args:
        body: The body.
        settings: Its bounds.
        named: The layout of the frames that name none.
        start_ms: The start of the frames that say none.

    Raises:
        ProblemError: `invalid-batch` with the pointer, `body-too-large`.
    """
    rows = _unpack(body, settings)
    if not isinstance(rows, list):
        raise _invalid("", "Expected a list of frames.")
    return [_frame(row, index, named, start_ms) for index, row in enumerate(rows)]


def _unpack(body: bytes, settings: ApiSettings) -> object:
    try:
        # Bounds on every kind of length before anything is allocated; no extension types, no maps, UTF-8 names only.
        return msgpack.unpackb(
            body, raw=False, strict_map_key=True, max_str_len=MAX_DEVICE_CHARACTERS * 4, max_bin_len=len(body),
            max_array_len=settings.batch_frames, max_map_len=0, max_ext_len=0, ext_hook=_no_extension,
        )  # fmt: skip
    except (msgpack.exceptions.UnpackException, ValueError) as error:
        # ExtraData, FormatError, StackError and UnicodeDecodeError are ValueErrors; their words name lengths only.
        raise _invalid("", f"Not a msgpack list of at most {settings.batch_frames} frames: {error}") from error


def _no_extension(code: int, _data: bytes) -> object:
    message = f"extension type {code}"
    raise ValueError(message)


def _frame(row: object, index: int, named: Format | None, given_ms: int | None) -> IncomingFrame:
    if not isinstance(row, list) or not 3 <= len(row) <= len(FIELDS):
        raise _invalid(f"/{index}", f"A frame is [{', '.join(FIELDS[:3])}] and may go on with {', '.join(FIELDS[3:])}.")
    device, sequence, data, start_ms, layout = (*row, None, None)[: len(FIELDS)]
    if not isinstance(device, str) or len(device) > MAX_DEVICE_CHARACTERS or not DEVICE_PATTERN.fullmatch(device):
        raise _invalid(f"/{index}/0", "A device's name has up to 64 letters, digits and . _ - inside.")
    if type(sequence) is not int or not 0 <= sequence <= MAX_SEQUENCE:
        raise _invalid(f"/{index}/1", f"A sequence number is a whole number from 0 to {MAX_SEQUENCE}.")
    if not isinstance(data, bytes):
        raise _invalid(f"/{index}/2", "A frame's bytes are of msgpack's binary type.")
    if start_ms is not None and (type(start_ms) is not int or not 0 <= start_ms <= MAX_UNIX_MS):
        raise _invalid(f"/{index}/3", "A start is Unix milliseconds, or nil.")
    if layout is not None:
        named = _layout(layout, index)
    return IncomingFrame(device, sequence, data, named, given_ms if start_ms is None else start_ms)


def _layout(layout: object, index: int) -> Format | None:
    try:
        return format_named(layout if isinstance(layout, str) else "")
    except ProblemError as error:
        raise _invalid(f"/{index}/4", error.detail or "Not a layout.") from error


def _invalid(pointer: str, detail: str) -> ProblemError:
    return ProblemError("invalid-batch", detail, part=ProblemPart(detail, pointer=pointer))


def chunks(frames: list[IncomingFrame], settings: ApiSettings) -> Iterator[tuple[IncomingFrame, ...]]:
    """Frames in order, in pieces that one commit takes easily and that do not hold up other people for long."""
    piece: list[IncomingFrame] = []
    size = 0
    for frame in frames:
        if piece and (len(piece) >= settings.chunk_frames or size + len(frame.data) > settings.chunk_bytes):
            yield tuple(piece)
            piece, size = [], 0
        piece.append(frame)
        size += len(frame.data)
    if piece:
        yield tuple(piece)
