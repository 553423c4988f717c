"""How a receiver knows that a message is ours and fresh: HMAC-SHA256 over the time and the exact body."""

from __future__ import annotations

import hashlib
import hmac
import re

HEADER = "Kinelog-Signature"
TOLERANCE_S = 300

_HEADER = re.compile(r"t=(?P<time>[0-9]{1,15}),v1=(?P<digest>[0-9a-f]{64})")


def signature(secret: str, at_s: int, body: bytes) -> str:
    """The header's value, `t=…,v1=…`: when it was sent (Unix seconds), and the HMAC over `t.body`, hex."""
    return f"t={at_s},v1={_digest(secret, at_s, body)}"


def holds(secret: str, header: str, body: bytes, now_s: float, tolerance_s: float = TOLERANCE_S) -> bool:
    """Whether a header signs this body, and not too long ago: what a receiver has to ask."""
    found = _HEADER.fullmatch(header)
    if found is None:
        return False
    at_s = int(found["time"])
    return hmac.compare_digest(found["digest"], _digest(secret, at_s, body)) and abs(now_s - at_s) <= tolerance_s


def _digest(secret: str, at_s: int, body: bytes) -> str:
    return hmac.new(secret.encode(), b"%d." % at_s + body, hashlib.sha256).hexdigest()
