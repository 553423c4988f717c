"""Which blobs nobody needs any more: those that only populations of earlier nights named.

A blob is needed while any publication names it (of any version: each may be brought back), a challenger, or what the
next night of a scope starts from. Who has put a blob may be about to name it, so nothing goes that was put, or put
again, within a day; every publisher puts its blob again just before it names it, also one that was there already.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

KEPT_MS: Final = 24 * 60 * 60 * 1000
"""How long a blob that nothing names stays, from when it was last put."""

LEASE: Final = "sweep"
"""Held by `kinelog model sweep`; a night sweeps under its own."""

LEASE_S: Final = 600.0

_DIGITS: Final = 64
_HASHES: Final = re.compile(rb"[0-9a-f]{64,}")


def hashes_in(documents: Iterable[bytes]) -> set[str]:
    """Everything in documents that looks like a hash, whoever wrote them in whatever schema: rather too much."""
    return {
        run[at : at + _DIGITS].decode()
        for data in documents
        for run in _HASHES.findall(data)
        for at in range(len(run) - _DIGITS + 1)
    }
