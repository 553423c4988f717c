"""The phone's way to the service for the frames of one session: one by one, or many in a request."""

from __future__ import annotations

from collections import Counter

from kinelog.codecs.values import Format
from kinelog.phone.answers import BatchAnswer
from kinelog.phone.client import OutgoingFrame, PhoneClient
from kinelog.phone.faulty_link import Sending
from kinelog.phone.ledger import Ledger
from kinelog.phone.problems import RefusedError
from kinelog.phone.sequence_set import SequenceSet
from kinelog.phone.tally import Tally

ONE_BY_ONE = 3
"""Up to so many waiting frames go one by one; a backlog goes as a batch."""
WORTH_COMPRESSING = 16
"""Frames in a batch from which compressing pays."""


class Uplink:
    """Sends and keeps what was acknowledged.

    Attributes:
        acknowledged: Distinct sequence numbers that the service acknowledged.
    """

    def __init__(
        self, phone: PhoneClient, session: str, device: str, layout: Format, tally: Tally, ledger: Ledger
    ) -> None:
        """Begin with nothing acknowledged."""
        self.acknowledged = SequenceSet()
        self._sent = SequenceSet()
        self._phone = phone
        self._session = session
        self._device = device
        self._layout = layout
        self._tally = tally
        self._ledger = ledger

    async def send(self, sendings: list[Sending], *, batch: bool) -> None:
        """Send in order.

        Args:
            sendings: Frames, damaged ones included.
            batch: Send even a few as one request.

        Raises:
            ServiceUnavailableError: The service was gone for too long; what was acknowledged until then is kept.
        """
        if batch or len(sendings) > ONE_BY_ONE:
            await self._send_batch(sendings)
            return
        for sending in sendings:
            await self._send_one(sending)

    async def _send_one(self, sending: Sending) -> None:
        self._count_sent([sending])
        try:
            answer = await self._phone.put_frame(self._session, self._outgoing(sending))
        except RefusedError as refused:
            self._count_refused(sending, refused.code)
            return
        self._tally.stored += answer.status == "stored"
        self._tally.duplicate += answer.status == "duplicate"
        self._tally.accepted_damaged += not sending.clean
        self._acknowledge([sending.sequence])

    async def _send_batch(self, sendings: list[Sending]) -> None:
        self._count_sent(sendings)
        frames = [self._outgoing(sending) for sending in sendings]
        try:
            answer = await self._phone.post_frames(self._session, frames, compress=len(frames) > WORTH_COMPRESSING)
        except RefusedError as refused:
            for sending in sendings:
                self._count_refused(sending, refused.code)
            return
        self._judge(sendings, answer)

    def _outgoing(self, sending: Sending) -> OutgoingFrame:
        # A gfs block carries no clock, and its first byte is also that of muvr16: both are said beside it.
        start_ms = sending.start_ms if self._layout is Format.GFS else None
        layout = None if self._layout is Format.AE else self._layout.value
        return OutgoingFrame(self._device, sending.sequence, sending.data, start_ms, layout)

    def _judge(self, sendings: list[Sending], answer: BatchAnswer) -> None:
        """Find out which were acknowledged: a batch's answer names only those that were refused."""
        self._tally.stored += answer.accepted
        self._tally.duplicate += answer.duplicate
        refused: Counter[int] = Counter()
        for one in answer.rejected:
            refused[one.seq] += 1
            self._tally.refused[one.code] += 1
        damaged = Counter(sending.sequence for sending in sendings if not sending.clean)
        clean = {sending.sequence for sending in sendings if sending.clean}
        for sequence in clean:
            self._tally.refused_clean += max(0, refused[sequence] - damaged[sequence])
        for sequence, count in damaged.items():
            self._tally.accepted_damaged += max(0, count - refused[sequence])
        self._acknowledge([sequence for sequence in sorted(clean) if refused[sequence] <= damaged[sequence]])

    def _acknowledge(self, sequences: list[int]) -> None:
        new = [sequence for sequence in sequences if self.acknowledged.add(sequence)]
        self._ledger.acknowledged(self._session, self._device, new)
        self._tally.acknowledged += len(new)

    def _count_sent(self, sendings: list[Sending]) -> None:
        for sending in sendings:
            if not sending.clean:
                self._tally.sent_damaged += 1
            elif self._sent.add(sending.sequence):
                self._tally.sent_clean += 1
            else:
                self._tally.sent_again += 1

    def _count_refused(self, sending: Sending, code: str) -> None:
        self._tally.refused[code] += 1
        self._tally.refused_clean += sending.clean
