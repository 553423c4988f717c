"""What every adapter of the membership port has to do; a test class of each adapter inherits this.

An adapter's class says how a member is made (`join`). Where there can be others, it takes `GroupContract`.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable

import pytest
from kinelog.actors.membership.port import Member, Membership, View

DEADLINE_S = 30.0
LONG_SESSION_S = 10.0
"""As long as a server of ZooKeeper grants at most."""


def member(name: str = "a", *, life: str = "00000001", weight: float = 1.0) -> Member:
    """A member as a composition root makes it."""
    return Member(name=name, life=life, address=f"{name}.example:7000", version="1.2.3", reads=1, weight=weight)


class Heard:
    """A listener that keeps what it was told, and notes calls that overlap."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.views: list[View] = []
        self.overlapped = False
        self._changed = threading.Condition()
        self._busy = threading.Lock()

    def __call__(self, view: View) -> None:
        """As a listener."""
        self.overlapped |= not self._busy.acquire(blocking=False)
        with self._changed:
            self.views.append(view)
            self._changed.notify_all()
        self._busy.release()

    def wait(self, wanted: Callable[[View], bool], deadline_s: float = DEADLINE_S) -> View:
        """The first view from now on, or the newest, that is as wanted.

        Raises:
            AssertionError: None came in time.
        """
        end = time.monotonic() + deadline_s
        with self._changed:
            while not (self.views and wanted(self.views[-1])):
                if not self._changed.wait(end - time.monotonic()):
                    raise AssertionError(f"no such view within {deadline_s} s; the last: {self.views[-1:]}")
            return self.views[-1]


class MembershipContract:
    """The tests. `join` gives a membership that was not started."""

    @pytest.fixture
    def join(self) -> Callable[[Member], Membership]:
        """How this adapter's members are made; each is stopped after the test."""
        raise NotImplementedError

    def test_nobody_is_a_member_before_the_start(self, join: Callable[[Member], Membership]) -> None:
        membership = join(member())
        assert not membership.view().joined
        assert membership.lease_until_s() < time.monotonic()

    def test_who_starts_becomes_a_member_and_holds_a_lease(self, join: Callable[[Member], Membership]) -> None:
        membership, heard = join(member(weight=2.0)), Heard()
        membership.start(heard)
        view = heard.wait(lambda view: view.joined)
        [me] = [each for each in view.members if each.name == "a"]
        assert me == membership.me
        assert (me.address, me.version, me.reads, me.weight) == ("a.example:7000", "1.2.3", 1, 2.0)
        assert membership.view() == view
        assert membership.lease_until_s() > time.monotonic()

    def test_a_lease_is_renewed_while_we_are_a_member(self, join: Callable[[Member], Membership]) -> None:
        membership, heard = join(member()), Heard()
        membership.start(heard)
        heard.wait(lambda view: view.joined)
        first, end = membership.lease_until_s(), time.monotonic() + DEADLINE_S
        while membership.lease_until_s() <= first < float("inf"):
            assert time.monotonic() < end
            time.sleep(0.01)  # a clock is what is waited for
        assert membership.view().joined

    def test_draining_is_announced_and_taken_back(self, join: Callable[[Member], Membership]) -> None:
        membership, heard = join(member()), Heard()
        membership.start(heard)
        heard.wait(lambda view: view.joined)
        membership.set_draining(True)
        heard.wait(lambda view: [each.draining for each in view.members if each.name == "a"] == [True])
        membership.set_draining(False)
        heard.wait(lambda view: [each.draining for each in view.members if each.name == "a"] == [False])

    def test_views_are_numbered_upwards_each_says_something_new_and_none_overlap(
        self, join: Callable[[Member], Membership]
    ) -> None:
        membership, heard = join(member()), Heard()
        membership.start(heard)
        heard.wait(lambda view: view.joined)
        membership.set_draining(True)
        heard.wait(lambda view: any(each.draining for each in view.members))
        membership.stop()
        heard.wait(lambda view: not view.joined)
        numbers = [view.number for view in heard.views]
        assert numbers == sorted(set(numbers))
        said = [(view.members, view.pins, view.joined) for view in heard.views]
        assert all(earlier != later for earlier, later in itertools.pairwise(said))
        assert not heard.overlapped

    def test_who_stopped_is_no_member_has_no_lease_and_may_stop_again(
        self, join: Callable[[Member], Membership]
    ) -> None:
        membership, heard = join(member()), Heard()
        membership.start(heard)
        heard.wait(lambda view: view.joined)
        membership.stop()
        assert not membership.view().joined
        assert not heard.views[-1].joined
        assert membership.lease_until_s() < time.monotonic()
        membership.stop()


class GroupContract(MembershipContract):
    """The tests of adapters where there can be others."""

    @pytest.fixture
    def join_for_long(self) -> Callable[[Member], Membership]:
        """As `join`, with sessions of `LONG_SESSION_S` or more."""
        raise NotImplementedError

    def test_each_sees_the_others_come_and_go_at_once(self, join_for_long: Callable[[Member], Membership]) -> None:
        first, second = join_for_long(member("a")), join_for_long(member("b", life="00000002"))
        heard, other = Heard(), Heard()
        first.start(heard)
        second.start(other)
        for each in (heard, other):
            each.wait(lambda view: view.joined and [who.name for who in view.members] == ["a", "b"])
        second.stop()
        # Sooner than by silence.
        heard.wait(lambda view: [who.name for who in view.members] == ["a"], deadline_s=LONG_SESSION_S - 1)

    def test_each_sees_that_another_drains(self, join: Callable[[Member], Membership]) -> None:
        first, second = join(member("a")), join(member("b", life="00000002"))
        heard = Heard()
        first.start(heard)
        second.start(Heard())
        heard.wait(lambda view: len(view.members) == 2)
        second.set_draining(True)
        heard.wait(lambda view: [who.draining for who in view.members] == [False, True])
