"""What comes through the channel between a parent and its children is a message, or refused in words."""

from __future__ import annotations

from contextlib import suppress

import msgspec
import pytest
from kinelog.actors.membership.errors import MembershipError
from kinelog.actors.membership.parent_messages import Roster, pair, receive
from kinelog.actors.membership.port import Member

from tests.registry.damage import every_change

MEMBER = Member(name="a", life="ab" * 8, address="a:1", version="1", reads=1)
ROSTER = Roster(life="ab" * 8, counted_s=1.5, members=(MEMBER,), pins={3: "a"})


def test_no_change_of_a_message_is_a_crash() -> None:
    ours, theirs = pair()
    whole = msgspec.msgpack.encode(ROSTER)

    def is_seen(damaged: bytes) -> None:
        if damaged:
            theirs.send(damaged)
            with suppress(MembershipError):
                assert isinstance(receive(ours, Roster), Roster)

    with ours, theirs:
        every_change(whole, range(len(whole)), is_seen)


def test_a_text_that_is_none_is_said_to_be_no_message() -> None:
    ours, theirs = pair()
    with ours, theirs:
        theirs.send(msgspec.msgpack.encode(ROSTER).replace(b"\xa1a", b"\xa1\xff"))
        with pytest.raises(MembershipError, match="not a Roster"):
            receive(ours, Roster)
