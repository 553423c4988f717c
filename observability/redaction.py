"""The last look at a line of the log: a token of ours that got into it is taken out.

No line is meant to hold one. What a library quotes, or what a caller puts where a name belongs, may.
"""

from __future__ import annotations

import re

REMOVED = "[removed]"

_SECRET = re.compile(
    r"\bklr?\.[a-z0-9-]{1,64}\.[A-Za-z0-9_-]{1,64}\.[A-Za-z0-9_-]{8,}"  # tokens and refresh tokens, cut off ones too
    r"|(?i:\b(?:bearer|basic)\s+[A-Za-z0-9+/._~=-]{8,})"  # whatever stands in an Authorization header
)


def redacted(text: str) -> str:
    """The text without what looks like a secret of ours."""
    return _SECRET.sub(REMOVED, text)
