"""Records of nights as earlier versions wrote them, brought to today's fields before they are read.

A record is never rewritten. What is kept of each schema as an example stands in `tests/ml/stored_records`.
"""

from __future__ import annotations

from collections.abc import Iterator


def raised(record: object, schema: int) -> object:
    """A record of any schema, decoded to plain values, as one of the newest; what is no record stays what it is.

    Args:
        record: As decoded; its objects are changed in place.
        schema: That it was written in.
    """
    if schema < 2 and isinstance(record, dict):
        for part in _judged_parts(record):
            # Where a model is judged a set counts once for each of its windows: the figure had the wrong name.
            if "sets" in part:
                part["windows"] = part.pop("sets")
        record["schema"] = 2
    return record


def _judged_parts(record: dict[str, object]) -> Iterator[dict[str, object]]:
    """Objects that say how many windows a model was judged on."""
    for scope in _objects(record.get("scopes")):
        for named in _objects(scope.get("confirmation")):
            yield from _objects([named.get("metrics")])
        for name in ("reliability", "classes", "people"):
            yield from _objects(scope.get(name))


def _objects(found: object) -> list[dict[str, object]]:
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
