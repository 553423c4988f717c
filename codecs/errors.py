"""The tree of decoding errors: every way in which bytes can fail to be a frame, with the byte where they fail."""

from __future__ import annotations


class CodecError(Exception):
    """Base of everything that the codecs raise.

    Attributes:
        code: Stable name of the case (`truncated-samples`), as the wire format document spells it.
        offset: Byte at which the bytes stop being a frame.
        detail: What was found and what was expected, for people.
    """

    code = "undecodable"

    def __init__(self, offset: int, detail: str) -> None:
        """Remember where and why."""
        super().__init__(f"{self.code} at byte {offset}: {detail}")
        self.offset = offset
        self.detail = detail
