"""A process that is alone keeps to the membership port's contract."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from kinelog.actors.membership.port import Member, Membership
from kinelog.actors.membership.single import SingleMembership
from typing_extensions import override

from tests.nodes.membership_contract import MembershipContract


class TestSingleMembership(MembershipContract):
    @pytest.fixture
    @override
    def join(self) -> Callable[[Member], Membership]:
        return SingleMembership
