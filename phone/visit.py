"""One simulated person's session from start to end, and the question afterwards whether everything is there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from kinelog.phone.client import PhoneClient, SessionStart
from kinelog.phone.faulty_link import Faults, FaultyLink, Sending
from kinelog.phone.pace import Pace
from kinelog.phone.phone_session import SessionScript, SetDone
from kinelog.phone.problems import FramesMissingError, PhoneError, RefusedError
from kinelog.phone.received import ReceivedDevice
from kinelog.phone.tally import Tally
from kinelog.phone.uplink import Uplink
from kinelog.phone.watch import WatchFrame

logger = logging.getLogger(__name__)

BATCH_FRAMES = 256
RESEND_ROUNDS = 50


@dataclass(slots=True)
class Visit:
    """A session being played.

    Attributes:
        script: What happens.
        session: The id that the phone made.
        device: The watch's name.
        gym: Where.
        phone: Speaks to the service.
        uplink: Sends the frames.
        tally: Counts of the whole simulation.
        faults: What goes wrong between watch and phone.
        pace: When things are due; None sends everything at once, afterwards.
    """

    script: SessionScript
    session: str
    device: str
    gym: str | None
    phone: PhoneClient
    uplink: Uplink
    tally: Tally
    faults: Faults
    pace: Pace | None
    _made: int = 0
    _ended_ms: int = 0
    _lost: frozenset[int] = field(default_factory=frozenset)

    async def play(self) -> None:
        """Start, send, end, compare. What goes wrong is counted and logged: other visits go on."""
        self.tally.sessions += 1
        started_ms = self.script.started_ms
        self._ended_ms = started_ms
        try:
            await self.phone.start(self.session, SessionStart(started_ms, self.gym, groups=self.script.groups))
            await self._send_all()
            await self._end()
            self._compare((await self.phone.received(self.session)).of(self.device))
        except PhoneError as error:
            logger.warning("session %s cannot be verified: %s", self.session, error)
            self.tally.unverified_sessions += 1
            if isinstance(error, RefusedError):
                self.tally.refused[error.code] += 1

    async def _send_all(self) -> None:
        rng = np.random.default_rng([self.script.seed, self.script.person, self.script.visit, 2])
        link = FaultyLink(self.faults, rng)
        outbox: list[Sending] = []
        for step in self.script.steps():
            if self.pace is not None and self.pace.is_ahead(step.due_ms):
                await self._flush(outbox)
                await self.pace.until(step.due_ms)
            if isinstance(step, SetDone):
                await self._flush(outbox)
                await self._label(step)
                continue
            self._made, self._ended_ms = step.sequence + 1, step.due_ms
            self.tally.frames_made += 1
            outbox.extend(link.pass_on(step))
            if len(outbox) >= BATCH_FRAMES:
                await self._flush(outbox)
        outbox.extend(link.rest())
        await self._flush(outbox)
        self._lost = frozenset(link.lost)
        self.tally.lost_on_purpose += len(link.lost)

    async def _flush(self, outbox: list[Sending]) -> None:
        if outbox:
            sendings, outbox[:] = list(outbox), []
            await self.uplink.send(sendings, batch=self.pace is None)
        else:
            await asyncio.sleep(0)  # a thousand bulk uploads in one process take turns

    async def _label(self, done: SetDone) -> None:
        """Say what the watch recognised and, if the person objects, what it was; a refusal is counted, not fatal."""
        try:
            known = await self.phone.label(self.session, done.label)
            self.tally.labels += 1
            if done.correction is not None:
                await self.phone.correct(self.session, known, done.correction)
                self.tally.corrections += 1
        except RefusedError as refused:
            self.tally.refused[refused.code] += 1

    async def _end(self) -> None:
        """End, sending again what the service misses and the phone has; then end in spite of what is lost for ever."""
        counts = {self.device: self._made}
        for _ in range(RESEND_ROUNDS):
            try:
                await self.phone.end(self.session, counts, self._ended_ms)
            except FramesMissingError as incomplete:
                wanted = self._wanted(incomplete.missing.get(self.device, []))
                if not wanted:
                    break
                await self._send_again(wanted)
            else:
                return
        await self.phone.end(self.session, counts, self._ended_ms, final=True)

    def _wanted(self, missing: list[tuple[int, int]]) -> set[int]:
        """What is worth sending again: the service's list, which is bounded, and all that it never acknowledged."""
        named = {sequence for first, last in missing for sequence in range(first, min(last, self._made - 1) + 1)}
        unacknowledged = {sequence for sequence in range(self._made) if sequence not in self.uplink.acknowledged}
        return (named | unacknowledged) - self._lost

    async def _send_again(self, wanted: set[int]) -> None:
        frames = list(self._frames(wanted))
        self.tally.resent_at_end += len(frames)
        for at in range(0, len(frames), BATCH_FRAMES):
            await self.uplink.send(frames[at : at + BATCH_FRAMES], batch=True)

    def _frames(self, wanted: set[int]) -> Iterator[Sending]:
        """Read the script again: it gives the same bytes, so no phone has to keep what it sent."""
        for step in self.script.steps():
            if isinstance(step, WatchFrame) and step.sequence in wanted:
                yield Sending(step.sequence, step.data, step.start_ms)

    def _compare(self, held: ReceivedDevice) -> None:
        self.tally.compared_sessions += 1
        self.tally.service_stored += held.stored
        self.tally.service_gaps += self._made - held.stored
        self.tally.service_rejects += held.rejected + held.quarantined
        absent = held.absent(self._made)
        named = sum(sequence in absent for sequence in self.uplink.acknowledged)
        # The list of ranges is bounded, the count is not: a loss that the list does not reach shows there.
        self.tally.missing_acknowledged += max(named, len(self.uplink.acknowledged) - held.stored)
