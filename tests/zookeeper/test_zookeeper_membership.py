"""Membership by a real ZooKeeper of one server: the port's contract, and what only ZooKeeper can do wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from kinelog.actors.membership.port import Member, Membership
from kinelog.actors.membership.zookeeper import ZooKeeperMembership
from kinelog.actors.membership.zookeeper_layout import ZooKeeperAddress
from typing_extensions import override

from tests.nodes.membership_contract import GroupContract

pytestmark = [pytest.mark.nodes, pytest.mark.xdist_group("zookeeper")]


class TestZooKeeperMembership(GroupContract):
    @pytest.fixture
    @override
    def join(self, zookeeper: ZooKeeperAddress) -> Iterator[Callable[[Member], Membership]]:
        made: list[Membership] = []

        def make(member: Member) -> Membership:
            made.append(ZooKeeperMembership(zookeeper, "nodes", member, session_s=2.0, shards=16))
            return made[-1]

        yield make
        for membership in made:
            membership.stop()
