"""The simulated coordinator: sessions that end when no heartbeat comes, and views that reach everybody late."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from kinelog.actors.membership.port import Member, View

from tests.simulation.history import SessionBegun, SessionOver

if TYPE_CHECKING:
    from tests.simulation.member_node import MemberNode
    from tests.simulation.members_world import MembersWorld

SESSION_MS = 2_000
BEAT_MS = 500


@dataclass
class Session:
    """One member, as the coordinator sees it."""

    member: Member
    node: MemberNode
    heard_ms: int


class Coordinator:
    """Never fails itself; whoever is cut off from it does not hear of it, and is not heard."""

    def __init__(self, world: MembersWorld) -> None:
        self.world = world
        self.sessions: dict[str, Session] = {}
        self.pins: dict[int, str] = {}
        self.number = 0
        self._look()

    # ── what nodes ask for; each arrives after a while, if it is not cut off ─────────────────────────────────────

    def join(self, node: MemberNode, member: Member, heard: Callable[[View], None]) -> None:
        """Begin a session."""
        now_ms = self.world.clockwork.now_ms
        self.sessions[member.life] = Session(member, node, now_ms)
        self.world.history.entries.append(SessionBegun(now_ms, member.life))
        self._changed()
        self._send(node, partial(heard, self._view(member.life)))

    def beat(self, node: MemberNode, member: Member, heard: Callable[[View], None]) -> None:
        """A heartbeat: it keeps the session, if there is one, and is answered with the newest view."""
        session = self.sessions.get(member.life)
        if session is not None:
            session.heard_ms = self.world.clockwork.now_ms
            if session.member != member:
                session.member = member
                self._changed()
        self._send(node, partial(heard, self._view(member.life)))

    def leave(self, life: str) -> None:
        """End a session because its member says so."""
        self._end(life)

    def pin(self, shard: int, name: str | None) -> None:
        """An operator moves a shard, or takes that back."""
        if name is None:
            self.pins.pop(shard, None)
        else:
            self.pins[shard] = name
        self._changed()

    # ── what the coordinator does by itself ──────────────────────────────────────────────────────────────────────

    def _look(self) -> None:
        now_ms = self.world.clockwork.now_ms
        for life, session in list(self.sessions.items()):
            if now_ms - session.heard_ms > SESSION_MS:
                self.world.note(f"the session of {session.member.name} ({life}) is over")
                self._end(life)
        self.world.clockwork.later(50, self._look)

    def _end(self, life: str) -> None:
        if self.sessions.pop(life, None) is not None:
            self.world.history.entries.append(SessionOver(self.world.clockwork.now_ms, life))
            self._changed()

    def _changed(self) -> None:
        self.number += 1
        for life, session in self.sessions.items():
            self._send(session.node, partial(session.node.view_came, life, self._view(life)))

    def _view(self, life: str) -> View:
        members = sorted((session.member for session in self.sessions.values()), key=lambda one: (one.name, one.life))
        return View(
            number=self.number, members=tuple(members), pins=dict(self.pins), joined=life in self.sessions
        )  # fmt: skip

    def _send(self, node: MemberNode, message: Callable[[], None]) -> None:
        def arrive() -> None:
            if not node.cut_off:
                node.when_process_awake(message)

        self.world.clockwork.later(self.world.coordinator_delay(), arrive)


def place(shards: int, members: Sequence[Member], pins: Mapping[int, str]) -> tuple[str | None, ...]:
    """Rendezvous hashing without weights."""
    able = sorted({one.name for one in members if not one.draining} or {one.name for one in members})

    def score(shard: int, name: str) -> bytes:
        return hashlib.blake2b(f"{shard} {name}".encode(), digest_size=8).digest()

    return tuple(
        (pins[shard] if pins.get(shard) in able else max(able, key=lambda name: score(shard, name))) if able else None
        for shard in range(shards)
    )
