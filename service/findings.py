"""What a check found, and how well it is."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Verdict(StrEnum):
    """How well it is."""

    WELL = "ok"
    WARNING = "warning"
    ILL = "error"


class Finding(msgspec.Struct, frozen=True):
    """What one check found; `advice` is empty when all is well."""

    check: str
    verdict: Verdict
    found: str
    advice: str = ""
