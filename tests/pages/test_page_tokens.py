"""Which tokens of browsers a signing-in clears away: what is over, whoever's, and the oldest of one operator's."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from kinelog.api.page_tokens import MOST_CLEARED, MOST_OF_ONE, to_be_cleared
from kinelog.domain.states import Token
from kinelog.domain.values import Role

NOW_MS = 1_000


def token(token_id: str, issued_at_ms: int, *, over: bool = False, revoked: str | None = None) -> Token:
    expires_at_ms = NOW_MS - 1 if over else NOW_MS + 1
    return Token(
        token_id=token_id, token_hash="0" * 64, role=Role.OWNER, issued_at_ms=issued_at_ms,
        expires_at_ms=expires_at_ms, revoked=revoked,
    )  # fmt: skip


TOKENS = st.lists(
    st.builds(
        token,
        st.builds(
            "{}-{:x}".format, st.sampled_from(("page-a", "page-a-b", "page-b", "a", "pages")), st.integers(0, 99)
        ),
        st.integers(0, 50),
        over=st.booleans(),
        revoked=st.none() | st.just("asked"),
    ),
    max_size=80,
    unique_by=lambda each: each.token_id,
)


@given(TOKENS)
def test_after_a_signing_in_one_operator_has_no_more_browsers_than_may_be_and_nobody_else_lost_one(
    tokens: list[Token],
) -> None:
    cleared = set(to_be_cleared(tokens, "a", NOW_MS))
    assert len(cleared) <= MOST_CLEARED
    alive = [each for each in tokens if each.valid_at(NOW_MS)]
    mine = [each for each in alive if each.token_id.rpartition("-")[0] == "page-a"]
    kept = [each for each in mine if each.token_id not in cleared]
    assert len(kept) == min(len(mine), MOST_OF_ONE - 1), "one is about to come"
    ended = [each.issued_at_ms for each in mine if each.token_id in cleared]
    assert max(ended, default=0) <= min((each.issued_at_ms for each in kept), default=NOW_MS), "the oldest"
    assert {each.token_id for each in alive} & cleared <= {each.token_id for each in mine}
    assert all(
        each.revoked is None and each.token_id.startswith("page-") for each in tokens if each.token_id in cleared
    )


def test_what_is_over_is_cleared_whoever_signed_in_and_a_bounded_number_at_once() -> None:
    over = [token(f"page-{who}-{number:x}", number, over=True) for who in "abc" for number in range(30)]
    assert len(to_be_cleared(over, "z", NOW_MS)) == MOST_CLEARED
    assert to_be_cleared([*over[:2], token("0123456789abcdef", 0, over=True)], "z", NOW_MS) == ["page-a-0", "page-a-1"]
