"""Conditions of requests: what RFC 9110 says a list of entity tags is, weak and strong, and any."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinelog.api.entity_tags import EntityTags, entity_tags

_TAGS = st.lists(
    st.tuples(st.booleans(), st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters='"'))),
    min_size=1,
)
_GAPS = st.sampled_from((",", ", ", " ,", ",,", " , ,\t"))


@given(_TAGS, _GAPS)
def test_every_list_of_tags_is_read_back_in_order(tags: list[tuple[bool, str]], gap: str) -> None:
    written = gap.join(f'{"W/" if is_weak else ""}"{text}"' for is_weak, text in tags)
    read = entity_tags([written])
    assert read is not None
    assert read.strong == tuple(f'"{text}"' for is_weak, text in tags if not is_weak)
    assert read.weak == tuple(f'"{text}"' for is_weak, text in tags if is_weak)
    assert not read.any


def test_several_lines_are_one_list() -> None:
    assert entity_tags(['"a"', 'W/"b", "c"']) == EntityTags(strong=('"a"', '"c"'), weak=('"b"',))


def test_only_a_bare_star_is_any() -> None:
    assert entity_tags([" * "]) == EntityTags(any=True)
    assert entity_tags(['"*"']) == EntityTags(strong=('"*"',))


@pytest.mark.parametrize("text", ["", ",", "1", '"1', '1"', 'w/"1"', "*, *", '"1" "2"', '"1", *', '"a b"', "W/1"])
def test_what_is_no_list_of_tags_is_none(text: str) -> None:
    assert entity_tags([text]) is None


def test_a_long_list_of_nothing_is_read_in_one_pass() -> None:
    # Were a blank readable in two ways, this would outlast the suite.
    assert entity_tags(['"a"' + " ," * 4_000 + "x"]) is None


def test_if_none_match_compares_by_value_and_takes_any() -> None:
    tags = EntityTags(strong=('"a"',), weak=('"b"',))
    assert [tags.has_weakly(tag) for tag in ('"a"', '"b"', '"c"')] == [True, True, False]
    assert EntityTags(any=True).has_weakly('"c"')
