"""What members see, and know of themselves, when processes and servers stop, go away and come back."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from kinelog.actors.membership.port import Member, View
from kinelog.actors.membership.zookeeper import ZooKeeperMembership
from kinelog.actors.membership.zookeeper_layout import ZooKeeperAddress

from tests.nodes.membership_contract import LONG_SESSION_S, Heard, member
from tests.system.running_service import environment
from tests.zookeeper.fixtures import address_in
from zookeeper_server.ensemble import ZooKeeperEnsemble

pytestmark = [pytest.mark.nodes, pytest.mark.xdist_group("zookeeper")]
Joined = tuple[ZooKeeperMembership, Heard]


@pytest.fixture
def start() -> Iterator[Callable[[ZooKeeperAddress, Member, float], Joined]]:
    """Start a member and wait until it is one; stopped after the test."""
    made: list[ZooKeeperMembership] = []

    def started(address: ZooKeeperAddress, who: Member, session_s: float) -> Joined:
        made.append(ZooKeeperMembership(address, "nodes", who, session_s=session_s))
        heard = Heard()
        made[-1].start(heard)
        heard.wait(lambda view: view.joined)
        return made[-1], heard

    yield started
    for membership in made:
        membership.stop()


Start = Callable[[ZooKeeperAddress, Member, float], Joined]


@contextmanager
def member_process(address: ZooKeeperAddress, name: str, session_s: float) -> Iterator[subprocess.Popen[str]]:
    """A member in another process, which ends with the test."""
    place = ",".join(address.hosts) + address.root
    with subprocess.Popen(
        [sys.executable, "-m", "tests.zookeeper.member_process", place, name, str(session_s)],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str]) -> dict[str, str | float]:
    assert process.stdout is not None
    line: dict[str, str | float] = json.loads(process.stdout.readline())
    return line


def names(view: View) -> list[str]:
    return [each.name for each in view.members]


def test_a_process_that_was_stopped_for_longer_than_its_session_never_believes_itself_a_member_after_others_do_not(
    start: Start, zookeeper: ZooKeeperAddress
) -> None:
    _, heard = start(zookeeper, member("a"), 2.0)
    with member_process(zookeeper, "b", 1.0) as process:
        first = said(process)["joined"]
        heard.wait(lambda view: names(view) == ["a", "b"])
        process.send_signal(signal.SIGSTOP)
        heard.wait(lambda view: names(view) == ["a"])
        gone_s = time.monotonic()
        process.send_signal(signal.SIGCONT)
        ended = said(process)
        assert ended["ended"] == first
        assert float(ended["last_s"]) < gone_s
        again = said(process)["joined"]
        assert again != first
        view = heard.wait(lambda view: names(view) == ["a", "b"])
        assert view.members[1].life == again


def test_while_the_servers_are_away_the_lease_runs_out_by_our_own_clock(
    start: Start, own_zookeeper: ZooKeeperEnsemble
) -> None:
    membership, heard = start(address_in(own_zookeeper), member("a"), 1.0)
    own_zookeeper.servers[0].pause()
    paused_s = time.monotonic()
    heard.wait(lambda view: not view.joined)
    assert membership.lease_until_s() < paused_s + 1.0
    own_zookeeper.servers[0].resume()
    view = heard.wait(lambda view: view.joined)
    assert view.members == (membership.me,)
    assert membership.lease_until_s() > time.monotonic()


def test_a_server_that_restarts_brings_the_group_back(start: Start, own_zookeeper: ZooKeeperEnsemble) -> None:
    address = address_in(own_zookeeper)
    members = [start(address, member(name, life=f"0000000{index}"), 2.0) for index, name in enumerate("ab")]
    own_zookeeper.servers[0].kill()
    own_zookeeper.servers[0].start()
    for membership, heard in members:
        heard.wait(lambda view: view.joined and names(view) == ["a", "b"] and view.number > 0)
        seen = len(heard.views)
        membership.set_draining(True)  # it takes part: others hear of it
        drains = membership.me
        heard.wait(lambda view: drains in view.members)  # noqa: B023 - called before the next one's turn
        assert len(heard.views) > seen


def test_members_keep_their_sessions_when_the_leading_server_is_killed(
    start: Start, zookeeper_ensemble: ZooKeeperEnsemble
) -> None:
    address, session_s = address_in(zookeeper_ensemble), LONG_SESSION_S
    members = [start(address, member(name, life=f"0000000{index}"), session_s) for index, name in enumerate("abc")]
    for _, heard in members:
        heard.wait(lambda view: names(view) == ["a", "b", "c"])
    leader = zookeeper_ensemble.leader()
    leader.kill()
    members[0][0].set_draining(True)  # what a new leader has to carry to all
    for _, heard in members:
        heard.wait(lambda view: view.joined and len(view.members) == 3 and view.members[0].draining)
    assert [membership.me.life for membership, _ in members] == ["00000000", "00000001", "00000002"]
    for _, heard in members:
        assert all(len(view.members) == 3 for view in heard.views[-2:])
    leader.start()
    leader.wait_until_ready()
