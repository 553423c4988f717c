"""Regions, a membership and hand-overs together: what callers hear while shards move."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import count

import pytest
from kinelog.actors.answers import REPEATABLE, Accepted, Answer, Unavailable
from kinelog.actors.errors import MailboxFullError, NotOwnerError
from kinelog.actors.membership.placement import owners
from kinelog.actors.membership.port import Listener, Member, Membership, View
from kinelog.actors.moves_machine import MoveSettings
from kinelog.actors.region import Region
from kinelog.actors.settings import RegionSettings
from kinelog.actors.shard_moves import ShardMoves
from kinelog.domain import commands as ask
from kinelog.domain.identifiers import Person, shard_of
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.event_forms import EventForms
from kinelog.journal.memory_journal import MemoryJournal
from kinelog.privacy.key_store import KeyStore
from typing_extensions import override

from tests.actors.asking import START_MS, Asker, Clock, eventually, frames

SHARDS = 8
UNHURRIED = MoveSettings(moves_at_once=2, handover_ms=600_000)
"""Nobody who answers is ever overdue, however slow this machine is."""
HASTE = "may have been declared gone"


class Group:
    """A coordinator in memory: whoever joins or leaves, everybody sees at once."""

    def __init__(self) -> None:
        self.seats: dict[str, Seat] = {}
        self.pins: dict[int, str] = {}
        self.workers_read: int | None = None
        self.number = 0

    def tell(self) -> None:
        self.number += 1
        joined = [seat for seat in self.seats.values() if seat.joined]
        members = tuple(sorted((seat.me for seat in joined), key=lambda member: member.name))
        for seat in self.seats.values():
            view = View(
                number=self.number, members=members, pins=dict(self.pins), joined=seat.joined,
                workers_read=self.workers_read,
            )  # fmt: skip
            seat.show(view)


class Seat(Membership):
    """One process in the group."""

    def __init__(self, group: Group, name: str, reads: int = 1) -> None:
        self.group = group
        self.me = Member(name=name, life=name.encode().hex().zfill(8), address="", version="1", reads=reads)
        self.joined = False
        self.lease_s = float("inf")
        self._view = View(number=0, members=(), joined=False)
        self._listener: Listener = lambda _view: None
        group.seats[name] = self

    @override
    def start(self, listener: Listener) -> None:
        self._listener = listener
        self.joined = True
        self.group.tell()

    def show(self, view: View) -> None:
        self._view = view
        self._listener(view)

    @override
    def view(self) -> View:
        return self._view

    @override
    def lease_until_s(self) -> float:
        return self.lease_s if self.joined else -float("inf")

    @override
    def set_draining(self, draining: bool) -> None:
        self.me = Member(
            name=self.me.name, life=self.me.life, address="", version="1", reads=self.me.reads, draining=draining
        )
        self.group.tell()

    @override
    def stop(self) -> None:
        self.joined = False
        self.group.tell()


class Node:
    """A region with its moves."""

    def __init__(self, name: str, cluster: Cluster, stack: ExitStack) -> None:
        self.name = name
        self.seat = Seat(cluster.group, name)
        codec = EventCodec(cluster.keys)
        self.region = Region(
            cluster.journal, cluster.keys, codec, settings=cluster.settings, clock=Clock(), assigned=(),
            lease=self.seat.lease_until_s,
        )  # fmt: skip
        self.region.start()
        stack.callback(self.region.stop, 2.0)
        self.moves = ShardMoves(self.region, self.seat, codec, UNHURRIED, cluster)
        stack.callback(self.moves.stop)


class Cluster:
    """Nodes that hand over to each other without a channel, and callers who ask again when told to."""

    def __init__(self, keys: KeyStore, settings: RegionSettings, stack: ExitStack) -> None:
        self.keys = keys
        self.settings = settings
        self.journal = MemoryJournal(SHARDS)
        self.group = Group()
        self.nodes: dict[str, Node] = {}
        self.deaf: set[str] = set()
        self._stack = stack

    def join(self, name: str) -> Node:
        node = self.nodes[name] = Node(name, self, self._stack)
        node.moves.start()
        return node

    def release(self, member: Member, shard: int, within_s: float, answered: Callable[[bool], None]) -> None:
        assert within_s > 0
        if member.name in self.deaf:
            return
        self.nodes[member.name].moves.release(shard, partial(answered, True))  # noqa: FBT003 - the port's signature

    def settled(self) -> bool:
        served = [status for node in self.nodes.values() for status in node.region.status() if status.assigned]
        everything = sorted(status.shard for status in served) == list(range(SHARDS))
        return everything and all(node.region.ready() and not node.moves.moving for node in self.nodes.values())

    def owners_of(self, shard: int) -> list[str]:
        """Who serves a shard; while it moves, nobody may."""
        return [name for name, node in self.nodes.items() if node.region.status()[shard].assigned]


class Caller:
    """Asks until it is answered; repeats only what proves that nothing was stored."""

    def __init__(self, cluster: Cluster, person: Person, command: ask.Command) -> None:
        self.cluster = cluster
        self.answers: list[Answer] = []
        self.person = person
        self.command = command

    def go(self) -> None:
        """Ask one node after another, beginning with the one that the view names, until one takes it."""
        while True:
            for node in list(self.cluster.nodes.values()):
                try:
                    node.region.submit(self.person, self.command, self._hear)
                except (NotOwnerError, MailboxFullError):
                    continue
                return
            threading.Event().wait(0.001)

    def _hear(self, answer: Answer) -> None:
        if isinstance(answer, Unavailable) and answer.reason in REPEATABLE:
            threading.Thread(target=self.go, daemon=True).start()
            return
        self.answers.append(answer)


@pytest.fixture
def cluster(keys: KeyStore, settings: RegionSettings) -> Iterator[Cluster]:
    with ExitStack() as stack:
        yield Cluster(keys, settings, stack)


def register(cluster: Cluster, people_count: int) -> list[Person]:
    people = [Person("demo", cluster.keys.enrol("demo", f"user {number}")) for number in range(people_count)]
    say(cluster, [(person, ask.RegisterUser(at_ms=START_MS)) for person in people])
    return people


def register_in_every_shard(cluster: Cluster) -> list[Person]:
    """One person a shard: identifiers are drawn by chance, so eight people may all live in the same half."""
    by_shard: dict[int, Person] = {}
    for number in count():
        person = Person("demo", cluster.keys.enrol("demo", f"user {number}"))
        by_shard.setdefault(shard_of(person, SHARDS), person)
        if len(by_shard) == SHARDS:
            break
    people = list(by_shard.values())
    say(cluster, [(person, ask.RegisterUser(at_ms=START_MS)) for person in people])
    return people


def say(cluster: Cluster, commands: list[tuple[Person, ask.Command]]) -> list[Caller]:
    callers = [Caller(cluster, person, command) for person, command in commands]
    for caller in callers:
        caller.go()
    eventually(lambda: all(caller.answers for caller in callers))
    assert all(isinstance(caller.answers[0], Accepted) for caller in callers), [caller.answers for caller in callers]
    return callers


def test_the_first_takes_everything_and_a_second_takes_its_share_and_nothing_else_moves(cluster: Cluster) -> None:
    first = cluster.join("a")
    eventually(cluster.settled)
    second = cluster.join("b")
    eventually(lambda: bool(second.moves.held) and cluster.settled())
    share = len(second.moves.held)
    assert 0 < share < SHARDS
    assert second.moves.counts.handed_over == share
    assert first.moves.counts.given == share
    assert all(status.epoch == 1 for status in first.region.status() if status.assigned)


def test_callers_hear_of_no_error_while_nodes_join_drain_and_leave(cluster: Cluster, session: str) -> None:
    cluster.join("a")
    eventually(cluster.settled)
    people = register(cluster, 24)
    say(
        cluster,
        [(someone, ask.StartSession(at_ms=START_MS, session=session, started_at_ms=START_MS)) for someone in people],
    )
    callers: list[Caller] = []
    number = 0

    def load() -> bool:
        nonlocal number
        for someone in people:
            callers.append(Caller(cluster, someone, frames(session, number)))
            callers[-1].go()
        number += 1
        return cluster.settled()

    cluster.join("b")
    eventually(load)
    cluster.join("c")
    eventually(load)
    cluster.nodes["a"].seat.set_draining(True)
    eventually(lambda: load() and not cluster.nodes["a"].moves.held)
    cluster.nodes["a"].seat.stop()
    eventually(load)
    eventually(lambda: all(caller.answers for caller in callers))
    assert {type(caller.answers[0]) for caller in callers} == {Accepted}
    stored = sum(cluster.journal.head(shard) for shard in range(SHARDS))
    assert stored == len(people) * (3 + number), "each frame once"
    counts = [node.moves.counts for node in cluster.nodes.values()]
    assert sum(count.overdue for count in counts) == 0
    assert sum(count.handed_over for count in counts) >= SHARDS


def test_a_node_that_is_gone_is_not_waited_for(cluster: Cluster) -> None:
    cluster.join("a")
    cluster.join("b")
    eventually(cluster.settled)
    cluster.deaf.add("a")
    gone = cluster.nodes.pop("a")
    shards = len(gone.moves.held)
    gone.seat.stop()
    eventually(cluster.settled)
    assert cluster.nodes["b"].moves.counts.taken == shards
    eventually(lambda: gone.region.status()[0].phase == "away")
    assert gone.moves.counts.forgotten == shards


def test_a_node_that_does_not_answer_is_waited_for_so_long_and_fenced_then(cluster: Cluster) -> None:
    first = cluster.join("a")
    eventually(cluster.settled)
    people = register_in_every_shard(cluster)
    cluster.deaf.add("a")
    second = Node("b", cluster, cluster._stack)
    second.moves._machine._settings = MoveSettings(handover_ms=150, moves_at_once=8)
    cluster.nodes["b"] = second
    second.moves.start()
    view = second.seat.view()
    taken = {shard for shard, owner in enumerate(owners(SHARDS, view.members, view.pins)) if owner == "b"}
    # Overdue shards come one after the other; until its turn the first owner answers for each, and rightly.
    eventually(lambda: all(second.region.status()[shard].epoch == 2 for shard in taken) and second.region.ready())
    assert second.moves.counts.overdue == len(taken)
    say(cluster, [(someone, ask.ReadUser(at_ms=START_MS)) for someone in people])
    # Whoever the moved shards are fenced away from leaves them, and does not take them back.
    cut_off = [someone for someone in people if shard_of(someone, SHARDS) in taken]
    assert cut_off
    for someone in cut_off:
        try:
            assert Asker(first.region).ask(someone, ask.ReadUser(at_ms=START_MS)) == Unavailable("fenced")
        except NotOwnerError:
            continue  # another one's command in the same shard found out before
    eventually(lambda: first.moves.held.isdisjoint({shard_of(someone, SHARDS) for someone in cut_off}))
    epochs = [status.epoch for status in second.region.status() if status.assigned]
    assert set(epochs) == {2}, "nobody took anything back"
    say(cluster, [(someone, ask.ReadUser(at_ms=START_MS)) for someone in people])


def test_past_the_lease_everything_is_forgotten_and_comes_back_when_it_was_only_late(cluster: Cluster) -> None:
    node = cluster.join("a")
    eventually(cluster.settled)
    node.seat.lease_s = time.monotonic() - 1.0
    eventually(lambda: not any(status.assigned for status in node.region.status()))
    assert not node.moves.settled
    node.seat.lease_s = float("inf")
    eventually(cluster.settled)
    eventually(lambda: node.moves.settled)
    assert node.moves.counts.forgotten == SHARDS


def test_who_leaves_in_good_order_lets_go_of_nothing_in_haste_and_who_is_thrown_out_says_so(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "kinelog.actors")
    leaving = cluster.join("a")
    eventually(cluster.settled)
    leaving.moves.stop()
    leaving.region.stop(2.0)
    leaving.moves.leave()
    assert not leaving.seat.joined
    assert HASTE not in caplog.text
    assert leaving.moves.counts.forgotten == 0
    out = cluster.nodes["a"] = cluster.join("b")
    eventually(lambda: out.moves.settled)
    out.seat.joined = False
    cluster.group.tell()
    assert HASTE in caplog.text


def test_an_operators_pin_moves_a_shard_there_and_back(cluster: Cluster) -> None:
    cluster.join("a")
    cluster.join("b")
    eventually(cluster.settled)
    shard = 3
    (home,) = cluster.owners_of(shard)
    other = "b" if home == "a" else "a"
    cluster.group.pins[shard] = other
    cluster.group.tell()
    eventually(lambda: cluster.settled() and cluster.owners_of(shard) == [other])
    cluster.group.pins.clear()
    cluster.group.tell()
    eventually(lambda: cluster.settled() and cluster.owners_of(shard) == [home])


def test_who_waits_for_a_shard_that_has_not_come_is_told_who_still_serves_it(cluster: Cluster) -> None:
    cluster.join("a")
    eventually(cluster.settled)
    people = register_in_every_shard(cluster)
    cluster.deaf.add("a")
    second = cluster.join("b")
    waiting = second.moves._machine.coming - {
        at for at in range(SHARDS) if second.moves._machine.stage(at).name == "ASKING"
    }
    assert waiting, "more shards than are moved at once"
    shard = min(waiting)
    someone = next(person for person in people if shard_of(person, SHARDS) == shard)
    with pytest.raises(NotOwnerError) as refused:
        second.region.submit(someone, ask.ReadUser(at_ms=START_MS), lambda _: None)
    assert refused.value.holder == "a"


def test_a_newer_form_is_written_only_while_no_worker_and_no_member_is_there_that_reads_an_older_one(
    keys: KeyStore, settings: RegionSettings
) -> None:
    group = Group()
    mine, other = Seat(group, "a", reads=2), Seat(group, "b", reads=1)
    codec = EventCodec(keys, EventForms(2, {"FrameRecorded": (1, 2)}, {}))
    region = Region(MemoryJournal(SHARDS), keys, codec, settings=settings, assigned=(), lease=mine.lease_until_s)
    moves = ShardMoves(region, mine, codec, MoveSettings(form_wait_ms=0))
    written = []
    try:
        group.workers_read = 1
        moves.start()
        written.append(codec.write_form)
        group.workers_read = None
        group.tell()
        written.append(codec.write_form)
        other.start(lambda _view: None)
        written.append(codec.write_form)
        other.stop()
        written.append(codec.write_form)
        group.workers_read = 1  # an old worker that was down for longer than anybody waits
        group.tell()
        written.append(codec.write_form)
    finally:
        moves.stop()
    assert written == [1, 2, 1, 2, 1]
