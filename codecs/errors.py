"""The tree of decoding errors: every way in which bytes can fail to be a frame, with the byte where they fail."""

from __future__ import annotations


class CodecError(Exception):
    """Base of everything that the codecs raise.

    Attributes:
        code: Stable name of the case (`truncated-samples`), as the wire format document spells it.
        offset: Byte at which the bytes stop being a frame: the field at fault, or the end of what was cut short.
        detail: What was found and what was expected, for people.
    """

    code = "undecodable"

    def __init__(self, offset: int, detail: str) -> None:
        """Remember where and why."""
        super().__init__(f"{self.code} at byte {offset}: {detail}")
        self.offset = offset
        self.detail = detail


class LayoutError(CodecError):
    """It cannot be told which layout the bytes are in."""


class EmptyBodyError(LayoutError):
    """There is not a single byte."""

    code = "empty"


class AmbiguousFormatError(LayoutError):
    """The bytes are whole and valid in two layouts: the caller has to name one."""

    code = "ambiguous"


class HeaderError(CodecError):
    """A field before the samples says something that no frame says."""


class BadMagicError(HeaderError):
    """The first bytes are not those of the named layout."""

    code = "bad-magic"


class UnknownTypeError(HeaderError):
    """A block starts with a byte that names no sensor with a specified payload."""

    code = "unknown-type"


class BadSampleSizeError(HeaderError):
    """The size of a sample disagrees with the type of the block."""

    code = "bad-sample-size"


class BadRateError(HeaderError):
    """No samples a second: the block has no place in time."""

    code = "bad-rate"


class NoContentError(HeaderError):
    """A message announces no packets."""

    code = "no-content"


class BadLocationError(HeaderError):
    """A packet names a place on the body that the format does not know."""

    code = "bad-location"


class BadTypesError(HeaderError):
    """A tagged frame carries no type tags."""

    code = "bad-types"


class BadTypeError(HeaderError):
    """A type tag names a sensor or a side that the format does not know."""

    code = "bad-type"


class BadCountError(HeaderError):
    """The number of values does not fill whole rows."""

    code = "bad-count"


class LengthError(CodecError):
    """The bytes end too early, or too late."""


class TooShortError(LengthError):
    """The frame ends before its header and its tags do."""

    code = "too-short"


class TruncatedHeaderError(LengthError):
    """The header of a block or of a packet is cut short."""

    code = "truncated-header"


class EmptyPayloadError(LengthError):
    """A packet has a payload of no bytes."""

    code = "empty-payload"


class TruncatedPayloadError(LengthError):
    """The payload of a packet is cut short."""

    code = "truncated-payload"


class TruncatedSamplesError(LengthError):
    """Fewer bytes of samples than the count announces."""

    code = "truncated-samples"


class TrailingBytesError(LengthError):
    """Bytes are left over behind everything that was announced."""

    code = "trailing-bytes"


class TooManyBlocksError(LengthError):
    """More blocks than a body of this length may hold: see `kinelog.codecs.block_limit`."""

    code = "too-many-blocks"


class BadSampleError(CodecError):
    """A sample is not a number, or does not fit the unit that it is stored in."""

    code = "bad-sample"


class UnencodableError(ValueError):
    """A frame that its layout cannot carry was handed to an encoder: the caller's mistake, not bad input."""
