"""Keeps a region's shards to what the membership says: the thin shell around `moves_machine`."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial

from kinelog.actors import move_effects as to_do
from kinelog.actors.hand_over import HandOver, NobodyElse
from kinelog.actors.lease import Lease
from kinelog.actors.membership.metrics import COLLECTOR, HANDOVER_SECONDS
from kinelog.actors.membership.placement import owners
from kinelog.actors.membership.port import Listener, Membership, View
from kinelog.actors.move_effects import MoveEffect
from kinelog.actors.moves_machine import MoveCounts, MoveSettings, MovesMachine, Place
from kinelog.actors.region import Region
from kinelog.actors.ticker import Ticker
from kinelog.actors.writable_form import WritableForm
from kinelog.journal.event_codec import EventCodec
from kinelog.observability.json_logs import of_shard

_LOG = logging.getLogger(__name__)

TICK_S = 0.1


def _nobody(_view: View) -> None:
    """Nobody else follows the views."""


Input = Callable[[MovesMachine], list[MoveEffect]]


class ShardMoves:
    """Assigns shards to a region as views come, hands them over, and forgets them when the lease is over. Thread-safe.

    Inputs come on any thread. They are taken one at a time, and what each wants is done before the next is taken, by
    whoever came first: so a region never hears of an older assignment after a newer one.
    """

    def __init__(
        self,
        region: Region,
        membership: Membership,
        codec: EventCodec,
        settings: MoveSettings | None = None,
        hand_over: HandOver | None = None,
        place: Place = owners,
    ) -> None:
        """Move nothing until `start`.

        Args:
            region: Made with `assigned=()` and the membership's lease.
            membership: Not started.
            codec: Told which form of events may be written.
            settings: Bounds.
            hand_over: Asks other members; without it nobody is ever asked.
            place: Which node should own which shard.
        """
        self._settings = settings or MoveSettings()
        self._region = region
        self.membership = membership
        self._codec = codec
        self._hand_over = hand_over or NobodyElse()
        self._machine = MovesMachine(len(region.shards), place, self._settings)
        self._form = WritableForm(self._settings.form_wait_ms, codec.forms.newest)
        self._lease = Lease(membership.lease_until_s)
        self._lock = threading.Lock()
        self._inputs: deque[Input] = deque()
        self._busy = False
        self._left = False
        self._asked: dict[int, list[Callable[[], None]]] = {}
        self._ticker = Ticker(TICK_S, self._tick)
        region.holder_of = self._holder_of

    def start(self, seen: Listener = _nobody) -> None:
        """Join the group and follow its views.

        Args:
            seen: Told each view before anything moves, on the membership's thread.

        Raises:
            MembershipError: It cannot be joined as asked.
        """
        COLLECTOR.moves.add(self)
        self._ticker.start()
        self.membership.start(partial(self._viewed, seen))

    def stop(self) -> None:
        """Move nothing by ourselves any more; what is here stays here until the region is stopped."""
        self._ticker.stop()
        COLLECTOR.moves.discard(self)

    def leave(self) -> None:
        """Leave the group. After the region has stopped: until it let go in order, nobody else is to begin."""
        self._left = True
        self.membership.stop()

    # ── what there is to be asked ────────────────────────────────────────────────────────────────────────────────

    @property
    def counts(self) -> MoveCounts:
        """What moved so far."""
        return self._machine.counts

    @property
    def held(self) -> frozenset[int]:
        """Shards that are served here; none left means that a draining process may go."""
        return self._machine.held

    @property
    def moving(self) -> frozenset[int]:
        """Shards that are on their way here or from here."""
        return self._machine.moving

    @property
    def settled(self) -> bool:
        """Whether this process takes part and everything that is to come here has come."""
        return self._machine.joined and not self._machine.coming

    # ── inputs ───────────────────────────────────────────────────────────────────────────────────────────────────

    def release(self, shard: int, done: Callable[[], None]) -> None:
        """Another member asks for a shard.

        Args:
            shard: Which.
            done: Called once, on any thread, when nothing of it is under way here any more, or never was.
        """
        with self._lock:
            self._asked.setdefault(shard, []).append(done)
        self._put(lambda machine: machine.asked_for(shard, _now_ms()))

    def _viewed(self, seen: Listener, view: View) -> None:
        seen(view)
        if self._left:
            return  # that we are no member is what we wanted, and nothing is here any more
        me = self.membership.me
        who = ", ".join(member.name for member in view.members) or "nobody"
        workers = "" if view.workers_read is None else f"; workers read form {view.workers_read}"
        _LOG.info("view %d: %s%s", view.number, who, workers)
        self._write_in(self._form.seen(view.everybody_reads, _now_ms()))
        self._put(lambda machine: machine.viewed(view, me, _now_ms()))

    def _tick(self) -> None:
        self._write_in(self._form.at(_now_ms()))
        self._put(lambda machine: machine.ticked(_now_ms(), lease_over=self._lease.over))

    def _write_in(self, form: int) -> None:
        if form != self._codec.write_form:
            _LOG.info("events are written in form %d of %d", form, self._codec.forms.newest)
            self._codec.write_form = form

    def _holder_of(self, shard: int) -> str | None:
        self._machine.wanted(shard)
        return self._machine.holder(shard)

    def _put(self, taken: Input) -> None:
        with self._lock:
            self._inputs.append(taken)
            if self._busy:
                return  # whoever is at it takes this too
            self._busy = True
        while (following := self._next()) is not None:
            for effect in following(self._machine):
                self._do(effect)

    def _next(self) -> Input | None:
        with self._lock:
            if self._inputs:
                return self._inputs.popleft()
            self._busy = False
            return None

    # ── effects ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _do(self, effect: MoveEffect) -> None:
        match effect:
            case to_do.Take(shards):
                self._region.take(shards)
            case to_do.AskFor(shard, member, number):
                _LOG.info("asking %s for shard %d", member.name, shard, extra=of_shard(shard))
                answered = partial(self._answered, shard, number, time.monotonic())
                self._hand_over.release(member, shard, self._settings.handover_ms / 1_000, answered)
            case to_do.LetGo(shard, number):
                self._region.release(shard, partial(self._let_go, shard, number))
            case to_do.Yield(shard, on):
                self._region.yield_to_next(shard, partial(self._fenced, shard) if on else None)
            case to_do.ForgetAll():
                _LOG.warning("this process may have been declared gone: it lets go of every shard at once")
                self._region.forget(range(len(self._region.shards)))
            case to_do.Tell(shard):
                self._tell(shard)

    def _answered(
        self, shard: int, number: int, asked_s: float, released: bool  # noqa: FBT001 - the port's signature
    ) -> None:  # fmt: skip
        took_s = time.monotonic() - asked_s
        outcome = "released" if released and took_s * 1_000 <= self._settings.handover_ms else "late"
        HANDOVER_SECONDS.labels(outcome if released else "failed").observe(took_s)
        self._put(lambda machine: machine.answered(shard, number, _now_ms(), released=released))

    def _let_go(self, shard: int, number: int) -> None:
        self._put(lambda machine: machine.let_go(shard, number, _now_ms()))

    def _fenced(self, shard: int) -> None:
        self._put(lambda machine: machine.fenced(shard, _now_ms()))

    def _tell(self, shard: int) -> None:
        with self._lock:
            waiting = self._asked.pop(shard, [])
        for done in waiting:
            done()


def _now_ms() -> int:
    return int(time.monotonic() * 1_000)
