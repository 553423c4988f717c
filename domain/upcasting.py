"""Old versions of events become the current one when they are read; the log itself is never rewritten."""

from __future__ import annotations

from collections.abc import Callable

Upcaster = Callable[[list[object]], list[object]]

UPCASTERS: dict[tuple[str, int], Upcaster] = {}
"""`(event type, version) → function to the next version`, over the stored array of fields."""


def upcast(type_name: str, version: int, fields: list[object]) -> list[object]:
    """Apply the upcasters from `version` on.

    Raises:
        KeyError: No upcaster leads on from a version that is not current: a defect of this code, found by a test.
    """
    while (step := UPCASTERS.get((type_name, version))) is not None:
        fields = step(fields)
        version += 1
    return fields
