"""Values of any type that travels on the channel, drawn from its type alone."""

from __future__ import annotations

import types
import typing
from enum import Enum
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
from hypothesis import strategies as st
from kinelog.domain.table import Table

TEXT = st.text(max_size=8)
NUMBERS = st.integers(0, 2**40)
JSON_LIKE = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
PLAIN: dict[object, st.SearchStrategy[Any]] = {
    str: TEXT,
    int: NUMBERS,
    float: st.floats(allow_nan=False),
    bytes: st.binary(max_size=40),
    bool: st.booleans(),
    type(None): st.none(),
    object: JSON_LIKE,
}


@cache
def values_of(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a type."""
    if kind in PLAIN:
        return PLAIN[kind]
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is not None:
        parts = arguments[:1] if origin in {Annotated, tuple} else arguments  # tuples of one type, any length
        return _composed(origin, [values_of(part) for part in parts])
    if issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    assert issubclass(kind, msgspec.Struct), kind
    hints = typing.get_type_hints(kind)
    fields = {field.name: values_of(hints[field.name]) for field in msgspec.structs.fields(kind)}
    return st.builds(kind, **fields)


def _composed(origin: object, parts: list[st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    if origin is tuple:
        return st.lists(parts[0], max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(*parts, max_size=3)
    if origin is Table:
        return st.dictionaries(TEXT, parts[0], max_size=3).map(_table)
    assert origin in {Annotated, Union, types.UnionType}, origin
    return st.one_of(parts)


def _table(entries: dict[str, Any]) -> Table[Any]:
    table: Table[Any] = Table()
    for key, value in entries.items():
        table = table.put(key, value)
    return table
