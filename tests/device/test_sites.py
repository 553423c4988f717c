"""The order of sites, which is part of every published model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinelog.codecs import multipacket, tagged
from kinelog.device.sites import SITES, RepeatedSiteError, UnknownSiteError, in_order, mask_of


def test_every_location_that_a_frame_names_is_a_site() -> None:
    named = set(multipacket.LOCATION_OF_NAME) | set(tagged.LOCATION_OF_SIDE.values())
    assert named <= set(SITES)


def test_the_first_sites_stand_where_published_models_have_them() -> None:
    assert SITES[:7] == ("left-wrist", "right-wrist", "waist", "chest", "left-foot", "right-foot", "phone")


@given(st.permutations(SITES), st.integers(1, len(SITES)))
def test_any_order_comes_out_as_the_one_order(names: list[str], count: int) -> None:
    ordered = in_order(names[:count])
    assert [SITES.index(name) for name in ordered] == sorted(SITES.index(name) for name in names[:count])


def test_what_is_no_site_stands_twice_or_is_missing_is_refused() -> None:
    with pytest.raises(UnknownSiteError, match="left-ear"):
        in_order(["left-ear"])
    with pytest.raises(RepeatedSiteError, match="waist"):
        in_order(["waist", "waist"])
    with pytest.raises(RepeatedSiteError, match="none"):
        in_order([])


def test_a_mask_counts_the_models_own_sites() -> None:
    assert mask_of(["chest", "left-wrist"], ("left-wrist", "waist", "chest")) == 0b101
    with pytest.raises(UnknownSiteError):
        mask_of(["phone"], ("left-wrist",))
