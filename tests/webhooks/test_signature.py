"""A signature holds for one body, one secret and a short time, and for nothing else."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinelog.webhooks.signature import TOLERANCE_S, holds, signature

NOW = 1_700_000_000
SECRET = "correct horse battery staple"


def test_a_signature_is_what_a_receiver_computes_with_any_library() -> None:
    body = b'{"id":"1"}'
    digest = hmac.new(SECRET.encode(), f"{NOW}.".encode() + body, hashlib.sha256).hexdigest()
    assert signature(SECRET, NOW, body) == f"t={NOW},v1={digest}"


@given(st.binary(min_size=1), st.data())
def test_a_changed_body_is_not_signed(body: bytes, data: st.DataObject) -> None:
    header = signature(SECRET, NOW, body)
    assert holds(SECRET, header, body, NOW)
    place = data.draw(st.integers(0, len(body) - 1))
    changed = body[:place] + bytes([body[place] ^ data.draw(st.integers(1, 255))]) + body[place + 1 :]
    assert not holds(SECRET, header, changed, NOW)


def test_an_old_message_sent_again_by_somebody_else_is_refused() -> None:
    header = signature(SECRET, NOW, b"{}")
    assert holds(SECRET, header, b"{}", NOW + TOLERANCE_S)
    assert not holds(SECRET, header, b"{}", NOW + TOLERANCE_S + 1)
    assert not holds(SECRET, header.replace(str(NOW), str(NOW + 500)), b"{}", NOW + 500)


@pytest.mark.parametrize("header", ["", "t=1", "v1=ab", f"t={NOW},v1=" + "g" * 64, "t=-1,v1=" + "0" * 64])
def test_what_is_no_signature_does_not_hold(header: str) -> None:
    assert not holds(SECRET, header, b"{}", NOW)


def test_another_secret_does_not_hold() -> None:
    assert not holds(SECRET + "!", signature(SECRET, NOW, b"{}"), b"{}", NOW)
