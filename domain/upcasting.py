"""Old versions of events become the current one when they are read; the log itself is never rewritten."""

from __future__ import annotations

from collections.abc import Callable

from kinelog.domain.events import EVENT_TYPES

Upcaster = Callable[[list[object]], list[object]]

UPCASTERS: dict[tuple[str, int], Upcaster] = {}
"""`(event type, version) → function to the next version`, over the stored array of fields."""


def upcast(type_name: str, version: int, fields: list[object]) -> list[object]:
    """Apply the upcasters from `version` on, up to the current version.

    Raises:
        KeyError: An unknown type, or no upcaster leads on from a version that is not current: a defect of this code,
            found by a test.
    """
    current = EVENT_TYPES[type_name].schema
    while version < current:
        fields = UPCASTERS[type_name, version](fields)
        version += 1
    return fields
