"""A lease is over before servers of any kind can have expired the session."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from kinelog.actors.membership.lease import HEARTBEATS, MARGIN, Lease

TIMEOUT_S = 4.0


class World:
    """A session as its servers see it: the leader hears of it only by the pings of the one that we talk to."""

    def __init__(self, begun_s: float) -> None:
        self.heard_there = begun_s
        self.leader_heard = begun_s

    def asks(self, arrives_s: float) -> None:
        self.heard_there = arrives_s

    def ping(self) -> None:
        self.leader_heard = self.heard_there

    @property
    def expires_s(self) -> float:
        return self.leader_heard + TIMEOUT_S


@given(st.lists(st.tuples(st.floats(0.0, 2.0), st.floats(0.0, 1.5), st.booleans(), st.booleans()), max_size=20))
def test_a_lease_ends_before_the_leader_can_expire_the_session(
    heartbeats: list[tuple[float, float, bool, bool]],
) -> None:
    """Each: pause after it was due, time to the answer, whether an answer comes, whether a ping follows its arrival."""
    world, lease, now = World(0.1), Lease(TIMEOUT_S, 0.0), 0.1
    for pause_s, takes_s, answered, ping_follows in heartbeats:
        # The leader pings at least every half tick, and a session has two ticks at least.
        arrives = max(now + pause_s, lease.due_s)
        if arrives - world.heard_there >= TIMEOUT_S / HEARTBEATS:
            world.ping()
        if arrives >= world.expires_s:
            return  # it is expired by now: no heartbeat is ever answered again
        sent = arrives
        world.asks(sent + takes_s / 2)
        if ping_follows:
            world.ping()
        now = sent + takes_s
        if answered:
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
