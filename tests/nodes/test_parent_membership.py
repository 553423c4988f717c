"""A child is in the parent's group while it says so, out of it as soon as it is gone, and never believes otherwise."""

from __future__ import annotations

import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinelog.actors.membership.errors import MembershipError
from kinelog.actors.membership.parent import ParentMembership
from kinelog.actors.membership.parent_group import ParentGroup
from kinelog.actors.membership.parent_messages import (
    MOST_CHILDREN,
    MOST_PINS,
    Present,
    Roster,
    pair,
    receive,
    send,
)
from kinelog.actors.membership.port import Member, Membership, View
from kinelog.actors.membership.roster import RosterBook
from typing_extensions import override

from tests.nodes.membership_contract import GroupContract, member
from tests.nodes.present_child import Heard
from tests.system.running_service import environment

pytestmark = pytest.mark.nodes

SESSION_S = 60.0
"""Longer than anybody waits: whoever is out of the group before is out because that was said, not by silence."""
SHORT_SESSION_S = 1.0
"""Of those that have to be out by silence."""
CONTRACT_SESSION_S = 4.0
"""Of those whose heartbeats are waited for."""
DEADLINE_S = 30.0
FIRST_LIFE = member().life


class Views:
    """Every view that a membership told, to be waited for."""

    def __init__(self) -> None:
        self.told: list[View] = []
        self._changed = threading.Condition()

    def __call__(self, view: View) -> None:
        with self._changed:
            self.told.append(view)
            self._changed.notify_all()

    def wait(self, wanted: Callable[[View], bool]) -> View:
        with self._changed:
            assert self._changed.wait_for(lambda: any(map(wanted, self.told)), DEADLINE_S), self.told
            return next(view for view in self.told if wanted(view))

    def wait_for_members(self, *names: str) -> View:
        return self.wait(lambda view: view.joined and tuple(m.name for m in view.members) == names)

    def wait_for_members_after(self, before: View, *names: str) -> View:
        return self.wait(lambda view: view.number > before.number and tuple(m.name for m in view.members) == names)


@pytest.fixture
def session_s() -> float:
    return SESSION_S


@pytest.fixture
def group(session_s: float) -> Iterator[ParentGroup]:
    made = ParentGroup(session_s)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def joined(group: ParentGroup, session_s: float) -> Iterator[Callable[[str], tuple[ParentMembership, Views]]]:
    with ExitStack() as stack:

        def join(name: str) -> tuple[ParentMembership, Views]:
            membership, views = ParentMembership(group.invite(name), member(name), session_s), Views()
            stack.callback(membership.stop)
            membership.start(views)
            return membership, views

        yield join


Join = Callable[[str], tuple[ParentMembership, Views]]


def test_children_see_each_other_and_one_that_leaves_is_out_long_before_its_session(joined: Join) -> None:
    first, seen = joined("a")
    second, _ = joined("b")
    both = seen.wait_for_members("a", "b")
    second.stop()
    seen.wait_for_members_after(both, "a")
    assert first.lease_until_s() > time.monotonic() > second.lease_until_s()


def test_a_group_that_expects_two_tells_nobody_anything_before_both_are_there() -> None:
    group = ParentGroup(SESSION_S, expected=2)
    group.start()
    first, seen = ParentMembership(group.invite("a"), member("a"), SESSION_S), Views()
    second, also = ParentMembership(group.invite("b"), member("b"), SESSION_S), Views()
    first.start(seen)
    time_of_first = time.monotonic()
    while not group.members():
        assert time.monotonic() < time_of_first + DEADLINE_S
    second.start(also)
    seen.wait_for_members("a", "b")
    also.wait_for_members("a", "b")
    first.stop()
    second.stop()
    group.stop()
    assert next(len(view.members) for view in seen.told if view.joined) == 2


def test_a_worker_owns_nothing_and_what_it_reads_is_known_to_every_child_until_it_is_gone(
    group: ParentGroup, joined: Join
) -> None:
    _, seen = joined("a")
    seen.wait_for_members("a")
    me = msgspec.structs.replace(member("projections"), reads=3)
    worker, its = ParentMembership(group.invite("projections", owns=False), me, SESSION_S), Views()
    worker.start(its)
    assert its.wait(lambda view: view.joined).members == seen.told[-1].members
    told = seen.wait(lambda view: view.workers_read == 3)
    assert [each.name for each in told.members] == [each.name for each in group.members()] == ["a"]
    worker.stop()
    seen.wait(lambda view: view.number > told.number and view.workers_read is None)


def test_a_worker_is_no_child_that_a_start_waits_for_and_comes_back_like_one_after_its_session() -> None:
    book = RosterBook(1.0, expected=2, workers={"w"})
    book.present("w", Present(member=member("w", life="00000009"), sent_s=1.0), 1.0)
    book.present("a", Present(member=member("a"), sent_s=1.0), 1.0)
    assert book.roster_for("a") is None
    book.present("b", Present(member=member("b"), sent_s=1.0), 1.0)
    roster = book.roster_for("a")
    assert roster is not None
    assert [[each.name for each in some] for some in (roster.members, roster.workers)] == [["a", "b"], ["w"]]
    assert book.expire(2.5)
    roster = book.roster_for("w")
    assert roster is not None
    assert roster.workers == ()


def test_as_many_children_as_may_be_leave_room_for_a_worker() -> None:
    group = ParentGroup(SESSION_S)
    with ExitStack() as ends:
        ends.callback(group.stop)
        for number in range(MOST_CHILDREN):
            ends.enter_context(group.invite(f"n{number}"))
        ends.enter_context(group.invite("projections", owns=False))
        with pytest.raises(MembershipError, match="at most"):
            group.invite("one-more")


def test_when_the_parent_is_gone_a_child_is_no_member(group: ParentGroup, joined: Join) -> None:
    membership, seen = joined("a")
    seen.wait_for_members("a")
    group.stop()
    assert not seen.wait(lambda view: not view.joined).joined
    assert membership.lease_until_s() < time.monotonic()


class TestContract(GroupContract):
    """A child's adapter does what the port says."""

    @override
    @pytest.fixture
    def join(self, group: ParentGroup) -> Iterator[Callable[[Member], Membership]]:
        yield from self.members_of(group, CONTRACT_SESSION_S)

    @override
    @pytest.fixture
    def join_for_long(self, group: ParentGroup) -> Iterator[Callable[[Member], Membership]]:
        yield from self.members_of(group, SESSION_S)

    def members_of(self, group: ParentGroup, session_s: float) -> Iterator[Callable[[Member], Membership]]:
        with ExitStack() as stack:

            def made(me: Member) -> Membership:
                membership = ParentMembership(group.invite(me.name), me, session_s)
                stack.callback(membership.stop)
                return membership

            yield made


class Child:
    """A real child process; what it heard."""

    def __init__(self, group: ParentGroup, name: str, session_s: float = SHORT_SESSION_S) -> None:
        end = group.invite(name)
        with end:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.nodes.present_child", str(end.fileno()), name, str(session_s)],
                pass_fds=[end.fileno()],
                stdout=subprocess.PIPE,
                env=environment(),
                cwd=Path(__file__).parents[2],
            )

    def hear(self, wanted: Callable[[Heard], bool]) -> Heard:
        """The next line of the kind."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            heard = msgspec.json.decode(line, type=Heard)
            if wanted(heard):
                return heard
        raise AssertionError("the child ended")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


def test_a_child_that_is_killed_is_out_at_once(group: ParentGroup, joined: Join) -> None:
    _, seen = joined("a")
    with Child(group, "b", SESSION_S) as child:
        both = seen.wait_for_members("a", "b")
        child.process.kill()
        seen.wait_for_members_after(both, "a")


@pytest.mark.parametrize("session_s", [SHORT_SESSION_S])
def test_a_child_that_wakes_after_its_session_has_no_lease_and_comes_back_as_somebody_new(
    group: ParentGroup, joined: Join
) -> None:
    _, seen = joined("a")
    with Child(group, "b") as child:
        before = child.hear(lambda heard: heard.joined and heard.members == ("a", "b"))
        both = seen.wait_for_members("a", "b")
        child.process.send_signal(signal.SIGSTOP)
        without = seen.wait_for_members_after(both, "a")
        told_at = time.monotonic()
        child.process.send_signal(signal.SIGCONT)
        woke = child.hear(lambda heard: not heard.joined)
        assert woke.life == before.life
        assert woke.owns_until_s < told_at
        after = child.hear(lambda heard: heard.joined)
        assert after.life != before.life
        seen.wait_for_members_after(without, "a", "b")


def test_a_child_that_stands_still_for_good_is_named_until_its_channel_is_closed() -> None:
    named = threading.Event()
    group = ParentGroup(0.05, silent_for_good=lambda name: named.set() if name == "b" else None)
    group.start()
    with Child(group, "b") as child:
        child.hear(lambda heard: heard.joined)
        child.process.send_signal(signal.SIGSTOP)
        assert named.wait(DEADLINE_S)
        child.process.kill()
        child.process.wait()
        end = time.monotonic() + DEADLINE_S
        while named.wait(0.2):  # what was under way when it ended may come once more
            assert time.monotonic() < end
            named.clear()
    group.stop()


def test_a_group_that_was_paused_itself_is_not_believed_until_it_counts_again() -> None:
    """Only the parent can say that a child is there; while it says nothing, the child's lease runs out."""
    ours, theirs = pair()
    membership, seen = ParentMembership(theirs, member("a"), SHORT_SESSION_S), Views()
    book = RosterBook(SHORT_SESSION_S)
    membership.start(seen)
    while not (there := [view for view in seen.told if view.joined]):
        answer(book, ours)
    without = seen.wait(lambda view: view.number > there[0].number and not view.joined)
    assert membership.lease_until_s() < time.monotonic()
    while not [view for view in seen.told if view.number > without.number and view.joined]:
        answer(book, ours)
    assert membership.me.life != FIRST_LIFE
    membership.stop()
    ours.close()


def answer(book: RosterBook, end: socket.socket) -> None:
    """Be the parent for as long as messages wait."""
    assert select.select([end], [], [], DEADLINE_S)[0]
    while (message := receive(end, Present)) is not None:
        book.present("a", message, time.monotonic())
    book.expire(time.monotonic())
    roster = book.roster_for("a")
    assert roster is not None
    send(end, roster)


def test_a_child_that_speaks_in_anothers_name_is_out(group: ParentGroup, caplog: pytest.LogCaptureFixture) -> None:
    end = group.invite("a")
    send(end, Present(member=member("b"), sent_s=time.monotonic()))
    assert select.select([end], [], [], DEADLINE_S)[0]
    assert end.recv(1) == b""
    assert group.members() == ()
    assert "announced itself as b" in caplog.text
    end.close()


def longest_member(number: int) -> Member:
    return Member(name=f"{number:063}", life="f" * 32, address="a" * 255, version="v" * 255, reads=1 << 30, weight=0.1)


def test_the_longest_roster_that_can_be_fits_a_message_and_a_longer_one_is_refused() -> None:
    ours, theirs = pair()
    with ours, theirs:
        members = tuple(longest_member(number) for number in range(MOST_CHILDREN))
        pins = {60_000 + shard: "n" * 63 for shard in range(MOST_PINS)}
        roster = Roster(life="f" * 32, counted_s=1.5, members=members, pins=pins, workers=(longest_member(0),))
        assert send(ours, roster)
        assert receive(theirs, Roster) == roster
        longer = msgspec.structs.replace(roster, pins=dict.fromkeys(range(2 * MOST_PINS), "n" * 63))
        with pytest.raises(MembershipError, match="over the"):
            send(ours, longer)


Step = tuple[str, float, int]


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["beat", "late beat", "new life", "wait", "gone"]), st.floats(0, 2), st.integers(0, 2)
        )
    )
)
def test_nobody_is_told_that_a_child_is_out_before_its_lease_is_over(steps: list[Step]) -> None:
    """Whatever the order and however late the stamps, what a child was answered covers no moment after its expiry."""
    book, now_s, lives = RosterBook(1.0), 10.0, [0, 0, 0]
    leases: dict[str, float] = {}
    for kind, amount_s, number in steps:
        name = "abc"[number]
        if kind == "wait":
            now_s += amount_s
        elif kind == "gone":
            book.gone(name)
            lives[number] += 1
        else:
            lives[number] += kind == "new life"
            stamp_s = now_s - amount_s if kind == "late beat" else now_s
            me = member(name, life=f"{name}{lives[number]:08}")
            book.present(name, Present(member=me, sent_s=stamp_s), now_s)
            roster = book.roster_for(name)
            assert roster is not None
            assert roster.life == me.life
            if me in roster.members:
                leases[me.life] = max(leases.get(me.life, 0.0), roster.counted_s + 1.0)
        before = {m.life for m in book.members()}
        book.expire(now_s)
        for life in before - {m.life for m in book.members()}:
            assert leases.get(life, 0.0) < now_s
        assert all(sum(m.name == n for m in book.members()) <= 1 for n in "abc")
