"""The layout of stored values, written down: names, order and types of fields, down to the last nested value."""

from __future__ import annotations

from msgspec import inspect

Layout = str | dict[str, "Layout"] | list["Layout"]


def layout_of(kind: object) -> Layout:
    """What a type's msgpack form is made of."""
    return _describe(inspect.type_info(kind))


def _describe(info: inspect.Type) -> Layout:
    if isinstance(info, inspect.StructType):
        fields: list[Layout] = [[field.name, _describe(field.type)] for field in info.fields]
        return {"struct": info.cls.__name__, "array": str(info.array_like), "fields": fields}
    if isinstance(info, inspect.EnumType):
        return {"enum": [str(member.value) for member in info.cls]}
    if isinstance(info, inspect.UnionType):
        return {"either": [_describe(option) for option in info.types]}
    if isinstance(info, inspect.VarTupleType | inspect.ListType):
        return {"array of": _describe(info.item_type)}
    if isinstance(info, inspect.DictType):
        return {"map from": _describe(info.key_type), "to": _describe(info.value_type)}
    return type(info).__name__.removesuffix("Type").lower()


def reads(now: Layout, stored: Layout) -> bool:
    """Whether what was stored in one layout is read by another: fields appended, names of an enumeration added."""
    if isinstance(now, dict) and isinstance(stored, dict):
        if "fields" in stored:
            return _reads_struct(now, stored)
        if "enum" in stored and "enum" in now:
            return all(name in now["enum"] for name in stored["enum"])
        return now.keys() == stored.keys() and all(reads(now[key], stored[key]) for key in stored)
    if isinstance(now, list) and isinstance(stored, list):
        return len(now) >= len(stored) and all(map(reads, now, stored))
    return now == stored


def _reads_struct(now: dict[str, Layout], stored: dict[str, Layout]) -> bool:
    new, old = now.get("fields"), stored["fields"]
    if not isinstance(new, list) or not isinstance(old, list) or now["array"] != stored["array"]:
        return False
    return len(new) >= len(old) and all(reads(mine, theirs) for mine, theirs in zip(new, old, strict=False))
