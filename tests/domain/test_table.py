"""The map for very many entries behaves like a dictionary and never changes."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from kinelog.domain.table import Table

KEYS = st.sampled_from([f"key-{number}" for number in range(40)])
STEPS = st.lists(st.tuples(KEYS, st.none() | st.integers(0, 9)), max_size=80)


@given(STEPS)
def test_holds_what_a_dictionary_holds(steps: list[tuple[str, int | None]]) -> None:
    model: dict[str, int] = {}
    table: Table[int] = Table()
    for key, value in steps:
        before = msgspec.msgpack.encode(table)
        changed = table.drop(key) if value is None else table.put(key, value)
        assert msgspec.msgpack.encode(table) == before
        table = changed
        if value is None:
            model.pop(key, None)
        else:
            model[key] = value
    assert table.count == len(model)
    assert sorted(table.values()) == sorted(model.values())
    assert all(table.get(f"key-{number}") == model.get(f"key-{number}") for number in range(40))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(table), type=Table[int]) == table
