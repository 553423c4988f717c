"""Workers that share the shards: the share follows the group."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
from kinelog.actors.membership.placement import owners
from kinelog.actors.membership.port import Listener, Member, Membership, View
from kinelog.service.projecting import SharedProjecting
from typing_extensions import override

SHARDS = 4


def member(name: str) -> Member:
    return Member(name=name, life="0123456789abcdef", address="", version="1", reads=1)


class ToldMembership(Membership):
    """Says what the test says."""

    def __init__(self, me: str) -> None:
        self.me = member(me)
        self.left = False
        self._view = View(number=0, members=(), joined=False)
        self._listener: Listener = lambda _view: None

    @override
    def start(self, listener: Listener) -> None:
        self._listener = listener

    @override
    def view(self) -> View:
        return self._view

    @override
    def lease_until_s(self) -> float:
        return math.inf

    @override
    def set_draining(self, draining: bool) -> None:
        self.me = msgspec.structs.replace(self.me, draining=draining)

    @override
    def stop(self) -> None:
        self.left = True

    def tell(self, *names: str, joined: bool = True) -> None:
        members = tuple(member(name) for name in sorted(names))
        self._view = View(number=self._view.number + 1, members=members, joined=joined)
        self._listener(self._view)


class Followed:
    """What a worker is told to follow."""

    def __init__(self) -> None:
        self.shares: list[Sequence[int]] = []

    def follow(self, shards: Sequence[int]) -> None:
        self.shares.append(shards)

    def run(self, stop: object) -> None:
        """Nothing runs."""


def test_a_share_follows_the_group_and_stays_while_nothing_is_heard_of_it() -> None:
    workers, index, membership = Followed(), Followed(), ToldMembership("b")
    with SharedProjecting(SHARDS, [workers, index]).taking_part(membership):
        membership.tell("b")
        membership.tell("a", "b")
        membership.tell("a", "b", joined=False)
        membership.tell(joined=False)
        membership.tell("a", "b")
    mine = [shard for shard, name in enumerate(owners(SHARDS, [member("a"), member("b")], {})) if name == "b"]
    assert workers.shares == [(), tuple(range(SHARDS)), tuple(mine)]
    assert index.shares == workers.shares
    assert membership.left
