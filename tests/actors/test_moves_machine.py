"""Several machines and views that come late: whatever happens, in the end everybody serves what the view says."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hypothesis import settings as bounded
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from kinelog.actors import move_effects as to_do
from kinelog.actors.membership.port import Member, View
from kinelog.actors.move_effects import MoveEffect
from kinelog.actors.move_stages import HELD, Stage
from kinelog.actors.moves_machine import MoveSettings, MovesMachine
from typing_extensions import override

SHARDS = 6
SETTINGS = MoveSettings(handover_ms=2_000, moves_at_once=2)
NAMES = ("a", "b", "c", "d")


def place(shards: int, members: Sequence[Member], pins: Mapping[int, str]) -> tuple[str | None, ...]:
    """Any pure function of the view will do; this is rendezvous hashing without weights."""
    able = [member.name for member in members if not member.draining] or [member.name for member in members]

    def score(shard: int, name: str) -> bytes:
        return hashlib.blake2b(f"{shard} {name}".encode(), digest_size=8).digest()

    return tuple(
        (pins[shard] if pins.get(shard) in able else max(able, key=lambda name: score(shard, name))) if able else None
        for shard in range(shards)
    )


def member(name: str, life: int = 1, *, draining: bool = False) -> Member:
    return Member(name=name, life=f"{life:08x}", address="", version="1", reads=1, draining=draining)


@dataclass
class Process:
    """One process: its machine, and what is on its way to it. `serves` is what its region would serve."""

    me: Member
    machine: MovesMachine = field(default_factory=lambda: MovesMachine(SHARDS, place, SETTINGS))
    views: list[View] = field(default_factory=list)
    serves: set[int] = field(default_factory=set)
    leaving: list[to_do.LetGo] = field(default_factory=list)
    asked_by: dict[int, list[tuple[str, int]]] = field(default_factory=dict)
    answers: list[tuple[int, int, bool]] = field(default_factory=list)
    joined: bool = True


class Moves(RuleBasedStateMachine):
    """A group whose members come and go, whose views, requests and answers are late, and get lost."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = 0
        self.number = 0
        self.lives = 0
        self.processes: dict[str, Process] = {}
        self.pins: dict[int, str] = {}
        self.asking: list[tuple[str, to_do.AskFor]] = []

    @initialize()
    def begin(self) -> None:
        self.join("a")

    # ── what a coordinator does ──────────────────────────────────────────────────────────────────────────────────

    def tell(self) -> None:
        self.number += 1
        members = tuple(sorted((one.me for one in self.processes.values() if one.joined), key=lambda one: one.name))
        for process in self.processes.values():
            process.views.append(
                View(number=self.number, members=members, pins=dict(self.pins), joined=process.joined)
            )  # fmt: skip

    @rule(name=st.sampled_from(NAMES))
    def join(self, name: str) -> None:
        self.lives += 1
        known = self.processes.get(name)
        if known is None:
            self.processes[name] = Process(member(name, self.lives))
        elif not known.joined:
            known.me, known.joined = member(name, self.lives), True
        else:
            return
        self.tell()

    @rule(name=st.sampled_from(NAMES))
    def session_ends(self, name: str) -> None:
        process = self.processes.get(name)
        if process is not None and process.joined:
            process.joined = False
            self.tell()

    @rule(name=st.sampled_from(NAMES))
    def crash(self, name: str) -> None:
        if self.processes.pop(name, None) is not None:
            self.tell()

    @rule(name=st.sampled_from(NAMES), draining=st.booleans())
    def drain(self, name: str, draining: bool) -> None:  # noqa: FBT001 - drawn
        process = self.processes.get(name)
        if process is not None and process.joined and process.me.draining is not draining:
            process.me = member(name, int(process.me.life, 16), draining=draining)
            self.tell()

    @rule(shard=st.integers(0, SHARDS - 1), name=st.sampled_from((*NAMES, None)))
    def pin(self, shard: int, name: str | None) -> None:
        if name is None:
            self.pins.pop(shard, None)
        else:
            self.pins[shard] = name
        self.tell()

    # ── what comes late, or never ────────────────────────────────────────────────────────────────────────────────

    @rule(name=st.sampled_from(NAMES))
    def view_arrives(self, name: str) -> None:
        process = self.processes.get(name)
        if process is not None and process.views:
            view = process.views.pop(0)
            self.do(name, process.machine.viewed(view, process.me, self.now_ms))

    @precondition(lambda self: self.asking)
    @rule(at=st.integers(0, 50), lost=st.sampled_from((False, False, False, True)))
    def request_arrives(self, at: int, lost: bool) -> None:  # noqa: FBT001 - drawn
        asker, effect = self.asking.pop(at % len(self.asking))
        asked = self.processes.get(effect.member.name)
        if lost or asked is None:
            self.answer(asker, effect.shard, effect.number, released=False)
            return
        asked.asked_by.setdefault(effect.shard, []).append((asker, effect.number))
        self.do(effect.member.name, asked.machine.asked_for(effect.shard, self.now_ms))

    @rule(name=st.sampled_from(NAMES))
    def region_lets_go(self, name: str) -> None:
        process = self.processes.get(name)
        if process is not None and process.leaving:
            effect = process.leaving.pop(0)
            self.do(name, process.machine.let_go(effect.shard, effect.number, self.now_ms))

    @rule(name=st.sampled_from(NAMES))
    def answer_arrives(self, name: str) -> None:
        process = self.processes.get(name)
        if process is not None and process.answers:
            shard, number, released = process.answers.pop(0)
            self.do(name, process.machine.answered(shard, number, self.now_ms, released=released))

    @rule(ms=st.sampled_from((100, 700, 2_500)))
    def time_goes_by(self, ms: int) -> None:
        self.now_ms += ms
        for name, process in list(self.processes.items()):
            self.do(name, process.machine.ticked(self.now_ms, lease_over=False))

    @rule(name=st.sampled_from(NAMES))
    def a_heartbeat_is_late(self, name: str) -> None:
        process = self.processes.get(name)
        if process is not None:
            self.do(name, process.machine.ticked(self.now_ms, lease_over=True))
            assert not process.serves

    def answer(self, name: str, shard: int, number: int, *, released: bool) -> None:
        if name in self.processes:
            self.processes[name].answers.append((shard, number, released))

    def do(self, name: str, todo: list[MoveEffect]) -> None:
        process = self.processes[name]
        for effect in todo:
            match effect:
                case to_do.Take(shards):
                    process.serves |= shards
                case to_do.AskFor():
                    self.asking.append((name, effect))
                case to_do.LetGo(shard):
                    process.serves.discard(shard)
                    process.leaving.append(effect)
                case to_do.ForgetAll():
                    process.serves.clear()
                case to_do.Tell(shard):
                    for asker, number in process.asked_by.pop(shard, []):
                        self.answer(asker, shard, number, released=True)
                case to_do.Yield(shard):
                    assert shard in process.serves

    # ── what always holds, and what holds in the end ─────────────────────────────────────────────────────────────

    @invariant()
    def only_so_many_shards_are_asked_for_at_once(self) -> None:
        for process in self.processes.values():
            asking = [shard for shard in range(SHARDS) if process.machine.stage(shard) is Stage.ASKING]
            assert len(asking) <= SETTINGS.moves_at_once

    @invariant()
    def a_region_serves_what_its_machine_says(self) -> None:
        for process in self.processes.values():
            leaving = {effect.shard for effect in process.leaving}
            assert process.serves <= process.machine.held
            assert process.machine.held <= process.serves | leaving

    @invariant()
    def who_is_out_serves_nothing(self) -> None:
        for process in self.processes.values():
            if not process.machine.joined:
                assert not process.serves

    @override
    def teardown(self) -> None:
        """From here on nothing gets lost and nobody comes or goes: everybody must come to serve what the view says."""
        if not any(process.joined for process in self.processes.values()):
            self.join("a")
        self.tell()
        for _ in range(SETTINGS.keep_ms(SHARDS) // 100 + 40):
            self.now_ms += 100
            for name in list(self.processes):
                while self.processes[name].views:
                    self.view_arrives(name)
                while self.processes[name].leaving:
                    self.region_lets_go(name)
            while self.asking:
                self.request_arrives(0, lost=False)
            for name in list(self.processes):
                while self.processes[name].answers:
                    self.answer_arrives(name)
            self.time_goes_by(0)
        members = [process.me for process in self.processes.values() if process.joined]
        expected = place(SHARDS, sorted(members, key=lambda one: one.name), self.pins)
        served = {name: process.serves for name, process in self.processes.items()}
        for shard, owner in enumerate(expected):
            owners = [name for name, shards in served.items() if shard in shards]
            assert owners == [owner], f"shard {shard} belongs to {owner}, and is served by {owners}"


TestMoves = Moves.TestCase
TestMoves.settings = bounded(max_examples=25, stateful_step_count=40, deadline=None)


def alone() -> MovesMachine:
    machine = MovesMachine(SHARDS, place, SETTINGS)
    machine.viewed(view_of(member("a")), member("a"), 0)
    return machine


def view_of(*members: Member, number: int = 1, joined: bool = True) -> View:
    return View(number=number, members=members, joined=joined)


def test_the_first_of_a_group_asks_nobody() -> None:
    machine = MovesMachine(SHARDS, place, SETTINGS)
    assert machine.viewed(view_of(member("a")), member("a"), 0) == [to_do.Take(frozenset(range(SHARDS)))]


def test_who_joins_asks_those_who_served_before() -> None:
    machine = MovesMachine(SHARDS, place, SETTINGS)
    todo = machine.viewed(view_of(member("a"), member("b")), member("b"), 0)
    assert [type(effect) for effect in todo] == [to_do.AskFor] * SETTINGS.moves_at_once
    assert {effect.member.name for effect in todo if isinstance(effect, to_do.AskFor)} == {"a"}
    assert machine.coming
    assert not machine.held


def test_a_shard_that_somebody_waits_for_is_asked_for_first() -> None:
    machine = MovesMachine(SHARDS, place, SETTINGS)
    everything = dict.fromkeys(range(SHARDS), "b")
    view = View(number=1, members=(member("a"), member("b")), pins=everything, joined=True)
    first = machine.viewed(view, member("b"), 0)
    last = max(shard for shard in machine.coming if machine.stage(shard) is Stage.WAITING)
    assert machine.holder(last) == "a"
    machine.wanted(last)
    (asked, *_) = [effect for effect in first if isinstance(effect, to_do.AskFor)]
    todo = machine.answered(asked.shard, asked.number, 10, released=True)
    assert [effect.shard for effect in todo if isinstance(effect, to_do.AskFor)] == [last]


def test_the_shards_of_who_is_gone_are_taken_at_once_however_many() -> None:
    machine = MovesMachine(SHARDS, place, SETTINGS)
    machine.viewed(view_of(member("a"), member("b")), member("b"), 0)
    todo = machine.viewed(view_of(member("b"), number=2), member("b"), 5)
    assert todo == [to_do.Take(frozenset(range(SHARDS)))]


def test_who_loses_a_shard_serves_it_until_it_is_asked_for() -> None:
    machine = alone()
    todo = machine.viewed(view_of(member("a"), member("b"), number=2), member("a"), 0)
    going = {effect.shard for effect in todo if isinstance(effect, to_do.Yield)}
    assert going
    assert machine.held == frozenset(range(SHARDS))
    shard = min(going)
    (let_go,) = machine.asked_for(shard, 10)
    assert isinstance(let_go, to_do.LetGo)
    assert machine.let_go(shard, let_go.number, 20) == [to_do.Tell(shard)]
    assert machine.stage(shard) is Stage.AWAY


def test_who_is_never_asked_lets_go_in_the_end() -> None:
    machine = alone()
    machine.viewed(view_of(member("a"), member("b"), number=2), member("a"), 0)
    going = {shard for shard in range(SHARDS) if machine.stage(shard) is Stage.LEAVING}
    assert machine.ticked(SETTINGS.keep_ms(SHARDS) - 1, lease_over=False) == []
    todo = machine.ticked(SETTINGS.keep_ms(SHARDS), lease_over=False)
    assert {effect.shard for effect in todo if isinstance(effect, to_do.LetGo)} == going


def test_who_is_out_forgets_everything_at_once_and_answers_those_who_asked() -> None:
    machine = alone()
    machine.asked_for(2, 5)
    todo = machine.viewed(view_of(number=2, joined=False), member("a"), 10)
    assert todo[0] == to_do.ForgetAll()
    assert to_do.Tell(2) in todo
    assert all(machine.stage(shard) not in HELD for shard in range(SHARDS))
    assert machine.counts.forgotten == SHARDS


def test_a_shard_that_left_by_itself_in_the_moment_it_came_back_is_taken_again() -> None:
    machine = alone()
    machine.viewed(view_of(member("a"), member("b"), number=2), member("a"), 0)
    shard = next(shard for shard in range(SHARDS) if machine.stage(shard) is Stage.LEAVING)
    machine.viewed(view_of(member("a"), number=3), member("a"), 10)
    assert machine.fenced(shard, 20) == [to_do.Take(frozenset({shard}))]
