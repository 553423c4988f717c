"""Which shards this process serves, as a pure machine: views, requests, answers in, effects out. No thread, no clock.

A shard that the newest view gives to this process is taken at once when its last owner is gone. When that one is still
there it is asked to let go first, so that nobody is cut off in the middle; if that takes too long the shard is taken
all the same, since the log's fence keeps the other one from writing. A shard that the newest view gives to somebody
else is served on until that one asks for it, or for so long that nobody can be meant to ask any more.

So nothing here has to be right for data to be safe. What is promised is that callers wait for a moment only, and that
in the end, when views change no more, each shard is served by the one whom the view names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
from kinelog.actors.membership.port import Member, View
from kinelog.actors.move_effects import AskFor, ForgetAll, LetGo, MoveEffect, Take, Tell, Yield
from kinelog.actors.move_stages import HELD, MovedShard, Stage

Place = Callable[[int, Sequence[Member], Mapping[int, str]], tuple[str | None, ...]]
"""As `membership.placement.owners`."""


class MoveSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of the moves.

    Attributes:
        handover_ms: How long a last owner has to let go before the shard is taken without.
        moves_at_once: Shards that are asked for at the same time.
        form_wait_ms: How long every member must have been able to read a newer form of events before it is written.
    """

    handover_ms: int = 2_000
    moves_at_once: int = 4
    form_wait_ms: int = 60_000

    def keep_ms(self, shards: int) -> int:
        """How long a shard that goes elsewhere is served on without being asked for: longer than any queue of moves."""
        return self.handover_ms * (1 + -(-shards // self.moves_at_once))


class MoveCounts(msgspec.Struct):
    """What happened so far, for whoever keeps metrics.

    Attributes:
        taken: Shards taken at once, because nobody else held them.
        handed_over: Shards taken after their last owner had let go.
        overdue: Shards taken although the last owner had not said that it let go.
        given: Shards let go of in order.
        forgotten: Shards let go of at once, because this process may have been declared gone.
        handover_ms: Time spent waiting for last owners, all hand-overs together.
        longest_ms: The longest of these waits.
    """

    taken: int = 0
    handed_over: int = 0
    overdue: int = 0
    given: int = 0
    forgotten: int = 0
    handover_ms: int = 0
    longest_ms: int = 0


class MovesMachine:
    """All shards of a log, as one process sees them. Every method takes one input and returns what is to be done."""

    def __init__(self, shards: int, place: Place, settings: MoveSettings) -> None:
        """Own nothing until a first view.

        Args:
            shards: How many the log has.
            place: Which node should own each shard.
            settings: Bounds.
        """
        self.counts = MoveCounts()
        self._place = place
        self._settings = settings
        self._keep_ms = settings.keep_ms(shards)
        self._shards = [MovedShard() for _ in range(shards)]
        self._view: View | None = None
        self._me: Member | None = None
        self._placement: tuple[str | None, ...] = (None,) * shards
        self._lapsed = False
        self._wanted: set[int] = set()
        self._assigned: frozenset[int] = frozenset()
        self._effects: list[MoveEffect] = []

    # ── what there is to be asked ────────────────────────────────────────────────────────────────────────────────

    @property
    def joined(self) -> bool:
        """Whether this process takes part, as far as it knows."""
        return self._view is not None and self._view.joined and not self._lapsed

    @property
    def held(self) -> frozenset[int]:
        """The shards that are served here, those that are being let go of included."""
        return frozenset(at for at, shard in enumerate(self._shards) if shard.stage in HELD)

    @property
    def moving(self) -> frozenset[int]:
        """The shards that are on their way here or from here."""
        return frozenset(
            at for at, shard in enumerate(self._shards) if shard.stage not in {Stage.AWAY, Stage.OURS}
        )  # fmt: skip

    @property
    def coming(self) -> frozenset[int]:
        """The shards that are ours by the view and not here yet."""
        stages = {Stage.WAITING, Stage.ASKING, Stage.GIVEN}
        return frozenset(at for at, shard in enumerate(self._shards) if shard.stage in stages)

    def stage(self, shard: int) -> Stage:
        """Where a shard stands."""
        return self._shards[shard].stage

    def holder(self, shard: int) -> str | None:
        """Who serves a shard still that is to come here and has not been asked for yet."""
        entry = self._shards[shard]
        return entry.holder.name if entry.stage is Stage.WAITING and entry.holder is not None else None

    # ── inputs ───────────────────────────────────────────────────────────────────────────────────────────────────

    def viewed(self, view: View, me: Member, now_ms: int) -> list[MoveEffect]:
        """There is a new view, and `me` is what this process is in it."""
        known, self_before = self._view, self._me
        continues = known is not None and known.joined and self_before is not None and self_before.life == me.life
        self._view, self._me = view, me
        if not view.joined:
            self._out(now_ms)
            return self._done(now_ms)
        if not continues:
            # Before we came somebody else served what is ours now, and that is who would without us.
            others = [member for member in view.members if (member.name, member.life) != (me.name, me.life)]
            self._placement = self._place(len(self._shards), others, view.pins)
        if not self._lapsed:
            self._settle(now_ms)
        return self._done(now_ms)

    def ticked(self, now_ms: int, *, lease_over: bool) -> list[MoveEffect]:
        """Time went by."""
        if lease_over:
            if self.joined:
                self._lapsed = True
                self._out(now_ms)
            return self._done(now_ms)
        if self._lapsed:
            # The session lived on after all: nobody was told that we are gone, so nobody took anything.
            self._lapsed = False
            if self.joined:
                self._settle(now_ms)
        for at, shard in enumerate(self._shards):
            waited_ms = now_ms - shard.since_ms
            if shard.stage is Stage.ASKING and waited_ms >= self._settings.handover_ms:
                self.counts.overdue += 1
                self._take(shard, now_ms)
            elif shard.stage is Stage.LEAVING and waited_ms >= self._keep_ms:
                self._let_go(at, now_ms, asked=False)
            elif shard.stage is Stage.GIVEN and waited_ms >= self._settings.handover_ms:
                self._take(shard, now_ms)
        return self._done(now_ms)

    def asked_for(self, shard: int, now_ms: int) -> list[MoveEffect]:
        """Another member wants a shard: its view is as new as ours or newer, or we are the newer and get it back."""
        entry = self._shards[shard]
        if entry.stage in {Stage.OURS, Stage.LEAVING}:
            self._let_go(shard, now_ms, asked=True)
        elif entry.stage is Stage.LETTING_GO:
            entry.asked = True
        else:
            if entry.stage in {Stage.WAITING, Stage.ASKING}:
                entry.enter(Stage.GIVEN, now_ms)
            self._effects.append(Tell(shard))
        return self._done(now_ms)

    def let_go(self, shard: int, number: int, now_ms: int) -> list[MoveEffect]:
        """Nothing of a shard is under way here any more."""
        entry = self._shards[shard]
        if entry.stage is Stage.LETTING_GO and entry.number == number:
            self.counts.given += 1
            if not self._is_ours(shard):
                entry.enter(Stage.AWAY, now_ms)
            elif entry.asked:
                entry.enter(Stage.GIVEN, now_ms)
            else:
                self._take(entry, now_ms)
        self._effects.append(Tell(shard))
        return self._done(now_ms)

    def fenced(self, shard: int, now_ms: int) -> list[MoveEffect]:
        """A shard that was to leave left by itself, because somebody else has taken it."""
        entry = self._shards[shard]
        if entry.stage is Stage.LEAVING:
            self.counts.given += 1
            entry.enter(Stage.AWAY, now_ms)
        elif entry.stage is Stage.OURS:
            self._assigned -= {shard}  # it came back by a view in the same moment: have it taken again
        return self._done(now_ms)

    def answered(self, shard: int, number: int, now_ms: int, *, released: bool) -> list[MoveEffect]:
        """The last owner let go of a shard, or could not be asked."""
        entry = self._shards[shard]
        if entry.stage is Stage.ASKING and entry.number == number:
            waited_ms = now_ms - entry.since_ms
            self.counts.handover_ms += waited_ms
            self.counts.longest_ms = max(self.counts.longest_ms, waited_ms)
            if released:
                self.counts.handed_over += 1
            else:
                self.counts.overdue += 1
            self._take(entry, now_ms)
        return self._done(now_ms)

    def wanted(self, shard: int) -> None:
        """Somebody waits for a shard that has not come yet: it is asked for before others."""
        if self._shards[shard].stage is Stage.WAITING:
            self._wanted.add(shard)

    # ── the rules ────────────────────────────────────────────────────────────────────────────────────────────────

    def _settle(self, now_ms: int) -> None:
        view, me, before = self._view, self._me, self._placement
        if view is None or me is None:
            return
        self._placement = self._place(len(self._shards), view.members, view.pins)
        others = {member.name: member for member in view.members if member.name != me.name}
        for at, shard in enumerate(self._shards):
            if self._is_ours(at):
                self._claim(at, shard, others, others.get(before[at] or ""), now_ms)
            else:
                self._disclaim(at, shard, now_ms)

    def _claim(
        self, at: int, shard: MovedShard, others: Mapping[str, Member], last: Member | None, now_ms: int
    ) -> None:  # fmt: skip
        if shard.stage is Stage.AWAY:
            shard.holder = last
            if last is None:
                self.counts.taken += 1
                self._take(shard, now_ms)
            else:
                shard.enter(Stage.WAITING, now_ms)
        elif shard.stage in {Stage.WAITING, Stage.ASKING}:
            holder = shard.holder
            if holder is None or others.get(holder.name) is None or others[holder.name].life != holder.life:
                self.counts.taken += 1  # its last owner is gone: there is nobody to wait for
                self._take(shard, now_ms)
        elif shard.stage is Stage.LEAVING:
            shard.enter(Stage.OURS, now_ms)
            self._effects.append(Yield(at, on=False))

    def _disclaim(self, at: int, shard: MovedShard, now_ms: int) -> None:
        if shard.stage in {Stage.WAITING, Stage.ASKING, Stage.GIVEN}:
            shard.enter(Stage.AWAY, now_ms)
        elif shard.stage is Stage.OURS:
            shard.enter(Stage.LEAVING, now_ms)
            self._effects.append(Yield(at, on=True))

    def _is_ours(self, shard: int) -> bool:
        return self.joined and self._me is not None and self._placement[shard] == self._me.name

    def _take(self, shard: MovedShard, now_ms: int) -> None:
        shard.holder = None
        shard.enter(Stage.OURS, now_ms)

    def _let_go(self, at: int, now_ms: int, *, asked: bool) -> None:
        shard = self._shards[at]
        shard.asked = asked
        shard.enter(Stage.LETTING_GO, now_ms)
        self._assigned -= {at}
        self._effects.append(LetGo(at, shard.number))

    def _out(self, now_ms: int) -> None:
        """Let go of everything at once: from now on anybody may own it."""
        if self.held:
            self._effects.append(ForgetAll())
            self._assigned = frozenset()
        for at, shard in enumerate(self._shards):
            self.counts.forgotten += shard.stage in HELD
            if shard.stage is not Stage.AWAY:
                shard.enter(Stage.AWAY, now_ms)
                self._effects.append(Tell(at))

    def _ask_more(self, now_ms: int) -> None:
        asking = sum(shard.stage is Stage.ASKING for shard in self._shards)
        waiting = [at for at, shard in enumerate(self._shards) if shard.stage is Stage.WAITING]
        self._wanted.intersection_update(waiting)
        waiting.sort(key=lambda at: at not in self._wanted)
        for at in waiting[: max(0, self._settings.moves_at_once - asking)]:
            shard = self._shards[at]
            shard.enter(Stage.ASKING, now_ms)
            if shard.holder is not None:
                self._effects.append(AskFor(at, shard.holder, shard.number))

    def _done(self, now_ms: int) -> list[MoveEffect]:
        self._ask_more(now_ms)
        assigned = frozenset(at for at, shard in enumerate(self._shards) if shard.stage in {Stage.OURS, Stage.LEAVING})
        if taken := assigned - self._assigned:
            self._effects.append(Take(taken))
        self._assigned = assigned
        effects, self._effects = self._effects, []
        return effects
