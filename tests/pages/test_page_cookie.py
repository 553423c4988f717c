"""The cookie opens for nobody else, not changed, not expired."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinelog.api.page_cookie import LIFETIME_MS, PageCookie, SignIn

TOKEN = "kl.alpine.t1." + "a" * 43


@dataclass
class Clock:
    now_ms: int = 1_000_000

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_cookie_opens_to_its_token_and_does_not_show_it(clock: Clock) -> None:
    value = PageCookie(b"s" * 32, clock).seal(TOKEN, "t1")
    assert TOKEN not in value
    assert PageCookie(b"s" * 32, clock).open(value) == SignIn(clock(), TOKEN, "t1")


def test_a_cookie_of_another_deployment_does_not_open(clock: Clock) -> None:
    assert PageCookie(b"t" * 32, clock).open(PageCookie(b"s" * 32, clock).seal(TOKEN, "t1")) is None


def test_a_cookie_expires(clock: Clock) -> None:
    cookie = PageCookie(b"s" * 32, clock)
    value = cookie.seal(TOKEN, "t1")
    clock.now_ms += LIFETIME_MS - 1
    assert cookie.open(value) is not None
    clock.now_ms += 1
    assert cookie.open(value) is None


@given(st.text(max_size=2000))
@settings(max_examples=200, deadline=None)
def test_no_text_whatever_makes_it_stumble(value: str) -> None:
    assert PageCookie(b"s" * 32, Clock()).open(value) is None


def test_a_cookie_changed_in_any_one_character_does_not_open(clock: Clock) -> None:
    cookie = PageCookie(b"s" * 32, clock)
    # Both letters that another alphabet of base64 writes otherwise: `+` for `-` and `/` for `_` are changes too.
    value = next(value for value in iter(lambda: cookie.seal(TOKEN, "t1"), "") if {"-", "_"} <= set(value))
    changed = {value[:place] + chr(other) + value[place + 1 :] for place in range(len(value)) for other in range(128)}
    assert len(changed) > 10_000
    assert {one for one in changed if cookie.open(one) is not None} == {value}
