"""An answer that is not what a service says is refused in words, whatever its bytes are."""

from __future__ import annotations

import pytest
from kinelog.phone.answers import DeviceTokens, read
from kinelog.phone.problems import PhoneError, problem_of
from kinelog.phone.transport import Answer
from multidict import CIMultiDict, CIMultiDictProxy

NOT_TEXT = b'{"token": "\xc5", "title": "\xc5"}'


@pytest.mark.parametrize("body", [b"", b"<html>", NOT_TEXT, b"[" * 100_000])
def test_what_is_no_answer_is_refused(body: bytes) -> None:
    with pytest.raises(PhoneError):
        read(Answer(status=200, body=body, headers=CIMultiDictProxy(CIMultiDict())), DeviceTokens)


@pytest.mark.parametrize("body", [b"", b"<html>", NOT_TEXT, b"[" * 100_000])
def test_a_refusal_without_words_is_a_refusal_all_the_same(body: bytes) -> None:
    assert problem_of(body, 502).status == 502
