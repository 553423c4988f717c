"""A lease is over before servers of any kind can have expired the session."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from kinelog.actors.membership.lease import HEARTBEATS, MARGIN, Lease

TIMEOUT_S = 4.0


class World:
    """A session as its servers see it: the leader hears of it only by its pings of the server that we talk to."""

    def __init__(self, begun_s: float, ping_every_s: float) -> None:
        self.heard_there = self.leader_heard = self.pinged = begun_s
        self.ping_every_s = ping_every_s

    def passes(self, now_s: float) -> None:
        while self.pinged + self.ping_every_s <= now_s:
            self.pinged += self.ping_every_s
            self.leader_heard = self.heard_there

    def hears(self, now_s: float) -> None:
        self.passes(now_s)
        self.heard_there = now_s

    @property
    def expires_s(self) -> float:
        return self.leader_heard + TIMEOUT_S


@settings(deadline=None)
@given(
    # Two pings a tick, and a session has two ticks at least.
    st.floats(0.1, TIMEOUT_S / HEARTBEATS),
    st.lists(st.tuples(st.floats(0.0, 2.0), st.floats(0.0, 1.5), st.booleans()), max_size=20),
)
def test_a_lease_ends_before_the_leader_can_expire_the_session(
    ping_every_s: float, heartbeats: list[tuple[float, float, bool]]
) -> None:
    """Of a heartbeat: how long after it was due it is sent, how long the answer takes, whether one comes."""
    world, lease, now = World(0.1, ping_every_s), Lease(TIMEOUT_S, 0.0), 0.1
    for pause_s, takes_s, is_answered in heartbeats:
        sent = max(now, lease.due_s) + pause_s
        now = sent + takes_s
        world.hears(sent + takes_s / 3)
        world.passes(sent + takes_s / 2)  # then the leader has the heartbeat
        if sent + takes_s / 2 >= world.expires_s:
            return  # it is expired, and no heartbeat is ever answered again
        if is_answered:
            lease.answered(sent, now)
        assert lease.until_s < world.expires_s


def test_a_heartbeat_that_comes_too_soon_proves_nothing() -> None:
    lease = Lease(TIMEOUT_S, 0.0)
    first = lease.until_s
    lease.answered(0.5, 0.6)
    assert lease.until_s == first == TIMEOUT_S * (1 - MARGIN)


def test_a_lease_lasts_from_the_heartbeat_before_the_last_answered() -> None:
    lease = Lease(TIMEOUT_S, 0.0)
    lease.answered(1.0, 1.2)
    assert lease.until_s == 0.0 + TIMEOUT_S * (1 - MARGIN)
    assert lease.due_s == 1.2 + TIMEOUT_S / HEARTBEATS
    lease.answered(2.3, 2.4)
    assert lease.until_s == 1.0 + TIMEOUT_S * (1 - MARGIN)


def test_a_session_that_was_lost_leaves_no_lease() -> None:
    lease = Lease(TIMEOUT_S, 0.0)
    lease.end()
    assert lease.until_s < 0.0
