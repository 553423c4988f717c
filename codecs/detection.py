"""Which layout are these bytes in? Answered from the first bytes, and from the whole body where those are shared."""

from __future__ import annotations

from kinelog.codecs import gfs, multipacket, muvr16, tagged
from kinelog.codecs.errors import AmbiguousFormatError, BadMagicError, CodecError, EmptyBodyError, UnknownTypeError
from kinelog.codecs.values import Format

_FORMAT_OF_MAGIC = {
    multipacket.MAGIC: Format.MULTIPACKET,
    tagged.AE.magic: Format.AE,
    tagged.AD.magic: Format.AD,
}
_BLOCK_TYPES = frozenset(gfs.KIND_OF_TYPE) | frozenset(muvr16.KIND_OF_TYPE)
_ONLY_IN_GFS = frozenset({0xCD, 0xDD})
"""Types that gfs names without saying what they carry: its own error says so."""
_TYPE_BITS = 0xA0
"""Block types have these bits set; the letters of the tagged layouts do not."""
_HISTORIC_MAGICS = frozenset({b"\xfc\xfe", b"\xf7\xfe"})


def detect(data: bytes) -> Format:
    """Find which current layout these bytes are in.

    A body that starts like a block is in the layout that consumes it whole. If none does, it is in the one whose error
    lies further back (gfs if they fail at the same byte), so that the caller learns where the better reading ended.

    Raises:
        CodecError: `empty`, `bad-magic`, `unknown-type` or `ambiguous`.
    """
    known = _FORMAT_OF_MAGIC.get(data[:2])
    if known is not None:
        return known
    if not data:
        raise EmptyBodyError(0, "no bytes")
    if data[0] in _BLOCK_TYPES:
        return _gfs_or_muvr16(data)
    if data[0] in _ONLY_IN_GFS:
        return Format.GFS
    raise _unknown_start(data[:2])


def _unknown_start(start: bytes) -> CodecError:
    found = f"no current layout starts with {start.hex(' ')}"
    if start in _HISTORIC_MAGICS:
        return BadMagicError(0, f"{found}; a historic one does, and has to be named")
    # What the layout that it comes closest to would say.
    if start[0] & _TYPE_BITS == _TYPE_BITS:
        return UnknownTypeError(0, f"{found}, and no block has the type {start[0]:#04x}")
    return BadMagicError(0, f"{found}; expected ca b1, 61 65, 61 64, or a block of type ad, bd or ed")


def _gfs_or_muvr16(data: bytes) -> Format:
    as_gfs, as_muvr16 = _error_as_gfs(data), _error_as_muvr16(data)
    if as_gfs is None and as_muvr16 is None:
        raise AmbiguousFormatError(0, "whole and valid as gfs and as muvr16: name the layout")
    if as_gfs is None or as_muvr16 is None:
        return Format.GFS if as_gfs is None else Format.MUVR16
    return Format.GFS if as_gfs.offset >= as_muvr16.offset else Format.MUVR16


def _error_as_gfs(data: bytes) -> CodecError | None:
    try:
        gfs.find_blocks(data)
    except CodecError as error:
        return error
    return None


def _error_as_muvr16(data: bytes) -> CodecError | None:
    try:
        muvr16.find_blocks(data)
    except CodecError as error:
        return error
    return None
