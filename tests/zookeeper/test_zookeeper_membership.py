"""Membership by a real ZooKeeper of one server: the port's contract, and what only ZooKeeper can do wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from kazoo.client import KazooClient
from kinelog.actors.membership.errors import CoordinatorAddressError, CoordinatorAwayError, NotPermittedError
from kinelog.actors.membership.placement import owners
from kinelog.actors.membership.port import Member, Membership, View
from kinelog.actors.membership.zookeeper import ZooKeeperMembership
from kinelog.actors.membership.zookeeper_control import ZooKeeperControl
from kinelog.actors.membership.zookeeper_layout import ZooKeeperAddress
from kinelog.actors.membership.zookeeper_session import ZooKeeperSession
from typing_extensions import override

from tests.nodes.membership_contract import LONG_SESSION_S, GroupContract, Heard, member
from zookeeper_server.configuration import TICK_MS
from zookeeper_server.ensemble import ZooKeeperEnsemble

pytestmark = [pytest.mark.nodes, pytest.mark.xdist_group("zookeeper")]


class TestZooKeeperMembership(GroupContract):
    @pytest.fixture
    @override
    def join(self, zookeeper: ZooKeeperAddress) -> Iterator[Callable[[Member], Membership]]:
        yield from self.members_at(zookeeper, SESSION_S)

    @pytest.fixture
    @override
    def join_for_long(self, zookeeper: ZooKeeperAddress) -> Iterator[Callable[[Member], Membership]]:
        yield from self.members_at(zookeeper, LONG_SESSION_S)

    def members_at(self, zookeeper: ZooKeeperAddress, session_s: float) -> Iterator[Callable[[Member], Membership]]:
        made: list[Membership] = []

        def make(member: Member) -> Membership:
            made.append(ZooKeeperMembership(zookeeper, "nodes", member, session_s=session_s, shards=16))
            return made[-1]

        yield make
        for membership in made:
            membership.stop()


SESSION_S = 3.0
Start = Callable[..., tuple[ZooKeeperMembership, Heard]]


@pytest.fixture
def start(zookeeper: ZooKeeperAddress) -> Iterator[Start]:
    """Start a member and give it with its listener; it is stopped after the test."""
    made: list[ZooKeeperMembership] = []

    def started(who: Member, *, secret: str | None = None, shards: int = 16) -> tuple[ZooKeeperMembership, Heard]:
        made.append(ZooKeeperMembership(zookeeper, "nodes", who, session_s=SESSION_S, shards=shards, secret=secret))
        heard = Heard()
        made[-1].start(heard)
        return made[-1], heard

    yield started
    for membership in made:
        membership.stop()


@pytest.fixture
def client(zookeeper_server: ZooKeeperEnsemble) -> Iterator[KazooClient]:
    """Somebody else's connection."""
    client = KazooClient(zookeeper_server.address)
    client.start()
    yield client
    client.stop()
    client.close()


def names(view: View) -> list[str]:
    return [member.name for member in view.members]


def test_members_agree_on_placement_and_each_has_its_share(start: Start) -> None:
    heards = [start(member(name, life=f"0000000{index}"))[1] for index, name in enumerate("abcd")]
    views = [heard.wait(lambda view: names(view) == ["a", "b", "c", "d"]) for heard in heards]
    placements = {owners(16, view.members, view.pins) for view in views}
    assert len(placements) == 1
    [placement] = placements
    assert [placement.count(name) for name in "abcd"] == [4, 4, 4, 4]


def test_damaged_entries_are_ignored_by_all(start: Start, zookeeper: ZooKeeperAddress, client: KazooClient) -> None:
    _, heard = start(member())
    heard.wait(lambda view: view.joined)
    client.create(f"{zookeeper.root}/nodes/members/b-00000001", b"\xc1 no member")
    client.create(f"{zookeeper.root}/nodes/pins/x", b"no pin")
    client.create(f"{zookeeper.root}/nodes/pins/3", b"c")
    view = heard.wait(lambda view: dict(view.pins) == {3: "c"})
    assert names(view) == ["a"]
    assert view.joined


def test_a_second_living_process_of_one_name_waits_until_the_first_has_gone(start: Start) -> None:
    first, _ = start(member("a", life="00000001"))
    second, heard = start(member("a", life="00000002"))
    view = heard.wait(lambda view: names(view) == ["a"])
    assert not view.joined
    assert view.members == (first.me,)
    assert second.lease_until_s() < time.monotonic()
    first.stop()
    view = heard.wait(lambda view: view.joined)
    assert view.members == (second.me,)


def test_what_workers_of_other_groups_read_is_known_to_nodes_each_life_of_a_name_counted(
    zookeeper: ZooKeeperAddress,
) -> None:
    def read(form: int | None) -> Callable[[View], bool]:
        return lambda view: view.joined and view.workers_read == form

    def worker(group: str, name: str, life: str, reads: int) -> ZooKeeperMembership:
        me = msgspec.structs.replace(member(name, life=life), reads=reads)
        return ZooKeeperMembership(zookeeper, group, me, session_s=SESSION_S)

    node = ZooKeeperMembership(zookeeper, "nodes", member(), session_s=SESSION_S, workers=("projections", "readers"))
    workers = [
        worker("projections", "w", "00000001", 3),
        worker("readers", "r", "00000002", 2),
        worker("projections", "w", "00000003", 1),
    ]
    heard = Heard()
    try:
        node.start(heard)
        heard.wait(read(None))
        for each in workers:
            each.start(Heard())
            heard.wait(read(each.me.reads))
        for each, reads in zip(reversed(workers), (2, 3, None), strict=True):
            each.stop()
            heard.wait(read(reads))
        assert names(heard.views[-1]) == ["a"]
    finally:
        for membership in (node, *workers):
            membership.stop()


def test_an_entry_that_somebody_removed_is_made_anew_with_another_life(
    start: Start, zookeeper: ZooKeeperAddress, client: KazooClient
) -> None:
    membership, heard = start(member())
    heard.wait(lambda view: view.joined)
    client.delete(f"{zookeeper.root}/nodes/members/a-00000001")
    heard.wait(lambda view: not view.joined)
    view = heard.wait(lambda view: view.joined)
    assert view.members == (membership.me,)
    assert membership.me.life != "00000001"


def test_a_session_that_expired_ends_the_lease_at_once_and_another_life_joins(
    start: Start, zookeeper: ZooKeeperAddress, client: KazooClient
) -> None:
    membership, heard = start(member())
    heard.wait(lambda view: view.joined)
    stat = client.exists(f"{zookeeper.root}/nodes/members/a-00000001")
    assert stat is not None
    session = membership._session
    # Closing a session from elsewhere is the one way to have it expire without waiting for that.
    thief = KazooClient(client.hosts[0][0] + ":2181", client_id=session._client.client_id)
    thief.start()
    thief.stop()
    thief.close()
    heard.wait(lambda view: view.joined and view.members[0].life != "00000001")
    joined = [view.joined for view in heard.views]
    assert joined[:2] == [True, False]
    assert joined[-1]
    assert membership.lease_until_s() > time.monotonic()


def test_an_operator_drains_and_moves_and_takes_both_back(start: Start, zookeeper: ZooKeeperAddress) -> None:
    _, heard = start(member("a"))
    start(member("b", life="00000002"))
    heard.wait(lambda view: names(view) == ["a", "b"])
    with ZooKeeperControl(zookeeper, "nodes") as control:
        assert control.view().members == heard.views[-1].members
        control.drain("b")
        control.drain("b")
        heard.wait(lambda view: [each.draining for each in view.members] == [False, True])
        assert control.drained() == {"b"}
        assert [each.draining for each in control.view().members] == [False, True]
        control.undrain("b")
        control.undrain("b")
        heard.wait(lambda view: not any(each.draining for each in view.members))
        control.pin(3, "a")
        control.pin(3, "b")
        heard.wait(lambda view: dict(view.pins) == {3: "b"})
        assert control.view().pins == {3: "b"}
        control.unpin(3)
        control.unpin(3)
        heard.wait(lambda view: not view.pins)
        with pytest.raises(CoordinatorAddressError, match="name of a node"):
            control.drain("a/b")
        with pytest.raises(CoordinatorAddressError, match="name of a node"):
            control.pin(1, "")
        with pytest.raises(CoordinatorAddressError, match="number of a shard"):
            control.pin(-1, "a")


def test_without_the_secret_nothing_can_be_read_or_changed(start: Start, zookeeper: ZooKeeperAddress) -> None:
    _, heard = start(member("a"), secret="a secret of the deployment")
    heard.wait(lambda view: view.joined)
    for wrong in (None, "another secret"):
        with pytest.raises(NotPermittedError, match="KINELOG_ZOOKEEPER_SECRET"):
            start(member("b"), secret=wrong)
        with ZooKeeperControl(zookeeper, "nodes", secret=wrong) as control:
            for ask in (control.view, control.drained, lambda: control.drain("a"), lambda: control.unpin(1)):
                with pytest.raises(NotPermittedError):
                    ask()
    _, other = start(member("b"), secret="a secret of the deployment")
    other.wait(lambda view: names(view) == ["a", "b"])


def test_a_control_says_that_nobody_answers() -> None:
    nobody = ZooKeeperAddress.parse("127.0.0.1:1")
    with pytest.raises(CoordinatorAwayError, match=r"no ZooKeeper answers at 127\.0\.0\.1:1"):
        ZooKeeperControl(nobody, "nodes", within_s=0.2)


def test_a_member_of_a_group_whose_servers_are_away_starts_and_stops_and_is_none() -> None:
    membership = ZooKeeperMembership(ZooKeeperAddress.parse("127.0.0.1:1"), "nodes", member(), session_s=0.3, shards=16)
    heard = Heard()
    membership.start(heard)
    assert not membership.view().joined
    assert membership.lease_until_s() < time.monotonic()
    membership.stop()
    assert heard.views == []


def test_members_that_join_at_the_same_moment_share_evenly_all_the_same(start: Start) -> None:
    with ThreadPoolExecutor(4) as pool:
        joined = list(pool.map(lambda name: start(member(name)), "abcd"))
    views = [heard.wait(lambda view: names(view) == ["a", "b", "c", "d"]) for _, heard in joined]
    placement = owners(16, views[0].members, {})
    assert sorted(placement.count(name) for name in "abcd") == [4, 4, 4, 4]


def test_a_turn_that_nobody_ends_holds_others_up_for_a_moment_only(
    start: Start, zookeeper: ZooKeeperAddress, client: KazooClient
) -> None:
    client.create(f"{zookeeper.root}/nodes/entering", makepath=True)
    _, heard = start(member())
    heard.wait(lambda view: view.joined)


def test_a_listener_that_fails_ends_the_membership_rather_than_its_effect(
    start: Start, zookeeper: ZooKeeperAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", failed.append)
    _, heard = start(member("b"))

    def fails(_view: View) -> None:
        heard.wait(lambda view: names(view) == ["a", "b"])
        raise RuntimeError("the region is gone")

    membership = ZooKeeperMembership(zookeeper, "nodes", member("a"), session_s=SESSION_S)
    membership.start(fails)
    membership.stop()
    heard.wait(lambda view: names(view) == ["b"])
    assert membership.lease_until_s() < time.monotonic()
    assert [str(each.exc_value) for each in failed] == ["the region is gone"]


def test_a_lease_lasts_as_long_as_the_server_grants_not_as_long_as_was_asked_for(zookeeper: ZooKeeperAddress) -> None:
    most_s = 20 * TICK_MS / 1000
    membership, heard = ZooKeeperMembership(zookeeper, "nodes", member(), session_s=6 * most_s), Heard()
    membership.start(heard)
    heard.wait(lambda view: view.joined)
    assert time.monotonic() < membership.lease_until_s() < time.monotonic() + most_s
    membership.stop()


def test_an_entry_whose_answer_was_lost_is_found_again_with_its_salt(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Member] = []
    create = ZooKeeperSession.create

    def losing(session: ZooKeeperSession, path: str, data: bytes, *, ephemeral: bool) -> None:
        create(session, path, data, ephemeral=ephemeral)
        if path.endswith("a-00000001"):
            made.append(msgspec.msgpack.decode(data, type=Member))
            raise CoordinatorAwayError("the answer got lost")

    start(member("b"))
    monkeypatch.setattr(ZooKeeperSession, "create", losing)
    membership, heard = start(member("a"))
    view = heard.wait(lambda view: view.joined and names(view) == ["a", "b"])
    assert view.members[0] == membership.me == made[0]
