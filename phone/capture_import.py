"""A captured session, sent to a service as the phone that captured it would have: a set a file, packets in order.

Retransmissions are sent too, since a phone cannot know whether the first copy arrived; the service must see through
them. Importing a folder twice stores nothing twice: the session's id comes from the folder's content.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec
from kinelog.phone.capture_files import Capture, CaptureFile, Packet
from kinelog.phone.capture_labels import CaptureLabel, read_labels
from kinelog.phone.client import OutgoingFrame, PhoneClient, SessionStart, SetLabel
from kinelog.phone.numbering import Numbered, number_packets
from kinelog.phone.problems import FramesMissingError, RefusedError

CAPTURE_NAMESPACE: UUID = uuid5(NAMESPACE_URL, "kinelog:captured-session")
WATCH = "pebble"
BATCH_FRAMES = 256
FULL_BLOCK_PERIOD_MS = 20.45
"""Of one sample, where a capture has no full block to measure it on."""


class FileReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one file.

    Attributes:
        packets: Packets in the file.
        distinct: Without retransmissions.
        stored: Distinct packets of the file that the service holds afterwards.
        new: Of these, stored by this import.
        duplicates: Retransmissions in the file.
        gaps: Packets that are missing between the file's first and last.
        samples_lost: Samples that are missing inside packets, by their duration.
        seconds: Seconds of signal that are there: samples by the measured length of a sample.
        label: The set's exercise, or None.
        unreadable_bytes: Bytes at the end of the file that are no packets.
    """

    file: str
    packets: int
    distinct: int
    stored: int
    new: int
    duplicates: int
    gaps: int
    samples_lost: int
    seconds: float
    label: str | None
    unreadable_bytes: int
    detail: str | None

    @property
    def complete(self) -> bool:
        """Whether all that is in the file is stored."""
        return self.stored == self.distinct and not self.unreadable_bytes


class CaptureReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one folder.

    Attributes:
        duplicates_seen: What the service called duplicates: retransmissions, and all packets of a repeated import.
        runs: Stretches in which the watch's sequence agrees with its clock.
        missing: Packets that the watch sent and nobody captured, between sets included.
        sets: Labels that the service holds.
        holes: What the labels lacked, by kind.
        refused: Refusals by stable name.
    """

    capture: str
    session: str
    files: tuple[FileReport, ...]
    packets: int
    distinct: int
    stored: int
    new: int
    duplicates: int
    duplicates_seen: int
    runs: int
    missing: int
    seconds: float
    sets: int
    holes: dict[str, int]
    refused: dict[str, int]

    @property
    def complete(self) -> bool:
        """Whether every file is stored whole."""
        return all(file.complete for file in self.files)


def session_of(capture: Capture, user: str) -> str:
    """The session's id: the same for the same person and content, whatever the folder is called."""
    return str(uuid5(CAPTURE_NAMESPACE, f"{user}/{capture.fingerprint}"))


@dataclass(slots=True)
class Counts:
    """What is counted while a folder is sent.

    Attributes:
        new: Packets stored now, by file.
        refused: Refusals by stable name.
        duplicates_seen: What the service called duplicates.
        sets: Labels that it holds.
    """

    new: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    duplicates_seen: int = 0
    sets: int = 0


@dataclass(slots=True)
class CaptureImport:
    """One folder on its way.

    Attributes:
        capture: What to send.
        user: Whose session it is.
        gym: Where it was, or None.
        phone: Speaks to the service.
        progress: Told how many packets went.
    """

    capture: Capture
    user: str
    gym: str | None
    phone: PhoneClient
    progress: Callable[[int], object]

    async def run(self) -> CaptureReport:
        """Send everything and ask what is stored.

        Raises:
            PhoneError: The service refuses the session, or is gone.
        """
        session = session_of(self.capture, self.user)
        numbered = number_packets(packet for file in self.capture.files for packet in file.packets)
        numbers = {entry.packet.data: entry for entry in numbered}
        labels = read_labels(self.capture.labels_text, {file.name for file in self.capture.files})
        counts = Counts()
        if numbered:
            await self._start(session, numbered, labels.of_file)
            for file in self._in_time_order(numbers):
                await self._send(session, file, numbers, counts)
                await self._label(session, file, labels.of_file.get(file.name), counts)
            await self._end(session, numbered)
        absent = await self._absent(session, numbered)
        return self._report(session, numbers, absent, labels.of_file, dict(labels.holes), counts)

    def _in_time_order(self, numbers: dict[bytes, Numbered]) -> list[CaptureFile]:
        filled = [file for file in self.capture.files if file.packets]
        return sorted(filled, key=lambda file: min(numbers[packet.data].number for packet in file.packets))

    async def _start(self, session: str, numbered: list[Numbered], labels: dict[str, CaptureLabel]) -> None:
        groups = tuple(sorted({group for label in labels.values() for group in label.groups}))
        started_ms = min(entry.packet.start_ms for entry in numbered)
        await self.phone.start(session, SessionStart(started_ms, self.gym, groups=groups))

    async def _send(self, session: str, file: CaptureFile, numbers: dict[bytes, Numbered], counts: Counts) -> None:
        for batch in _batches(file.packets):
            frames = [
                OutgoingFrame(WATCH, numbers[packet.data].number, packet.data, format="muvr16") for packet in batch
            ]
            try:
                answer = await self.phone.post_frames(session, frames, compress=True)
            except RefusedError as refused:
                counts.refused[refused.code] += len(batch)
            else:
                counts.new[file.name] += answer.accepted
                counts.duplicates_seen += answer.duplicate
                counts.refused.update(one.code for one in answer.rejected)
            self.progress(len(batch))

    async def _label(self, session: str, file: CaptureFile, label: CaptureLabel | None, counts: Counts) -> None:
        if label is None:
            return
        start_ms = min(packet.start_ms for packet in file.packets)
        end_ms = max(packet.timestamp_ms for packet in file.packets)
        said = SetLabel(
            start_ms, end_ms, label.exercise, "person",
            repetitions=label.repetitions, weight_kg=label.weight_kg, label_id=f"file-{file.name}",
        )  # fmt: skip
        try:
            await self.phone.label(session, said)
            counts.sets += 1
        except RefusedError as refused:
            counts.refused[refused.code] += 1

    async def _end(self, session: str, numbered: list[Numbered]) -> None:
        frames = {WATCH: numbered[-1].number + 1}
        ended_ms = max(entry.packet.timestamp_ms for entry in numbered)
        try:
            await self.phone.end(session, frames, ended_ms)
        except FramesMissingError:
            # All that was captured has been sent; what else the watch sent is lost for ever.
            await self.phone.end(session, frames, ended_ms, final=True)

    async def _absent(self, session: str, numbered: list[Numbered]) -> set[int]:
        if not numbered:
            return set()
        held = (await self.phone.received(session)).of(WATCH)
        return held.absent(numbered[-1].number + 1)

    def _report(
        self,
        session: str,
        numbers: dict[bytes, Numbered],
        absent: set[int],
        labels: dict[str, CaptureLabel],
        holes: dict[str, int],
        counts: Counts,
    ) -> CaptureReport:
        period_ms = sample_period_ms([entry.packet for entry in numbers.values()])
        files = tuple(
            _file_report(file, numbers, absent, period_ms, labels.get(file.name), counts.new[file.name])
            for file in self.capture.files
        )
        ordered = sorted(entry.number for entry in numbers.values())
        return CaptureReport(
            capture=self.capture.name,
            session=session,
            files=files,
            packets=sum(file.packets for file in files),
            distinct=len(numbers),
            stored=sum(number not in absent for number in ordered),
            new=sum(file.new for file in files),
            duplicates=sum(file.duplicates for file in files),
            duplicates_seen=counts.duplicates_seen,
            runs=len({entry.run for entry in numbers.values()}),
            missing=ordered[-1] + 1 - len(ordered) if ordered else 0,
            seconds=round(sum(file.seconds for file in files), 1),
            sets=counts.sets,
            holes=holes,
            refused=dict(counts.refused),
        )


def sample_period_ms(packets: list[Packet]) -> float:
    """Milliseconds of one sample, measured on full packets only: others have lost samples without saying where."""
    most = max((packet.samples for packet in packets if packet.duration_ms), default=0)
    full = [packet.duration_ms / packet.samples for packet in packets if packet.samples == most and packet.duration_ms]
    return median(full) if most else FULL_BLOCK_PERIOD_MS


def _file_report(
    file: CaptureFile,
    numbers: dict[bytes, Numbered],
    absent: set[int],
    period_ms: float,
    label: CaptureLabel | None,
    new: int,
) -> FileReport:
    distinct = {packet.data: packet for packet in file.packets}
    places = sorted((numbers[data].number, numbers[data].run) for data in distinct)
    gaps = sum(b - a - 1 for (a, _), (b, _) in pairwise(places))
    samples = sum(packet.samples for packet in distinct.values())
    meant = sum(max(packet.samples, round(packet.duration_ms / period_ms)) for packet in distinct.values())
    return FileReport(
        file=file.name,
        packets=len(file.packets),
        distinct=len(distinct),
        stored=sum(number not in absent for number, _ in places),
        new=new,
        duplicates=len(file.packets) - len(distinct),
        gaps=gaps,
        samples_lost=meant - samples,
        seconds=round(samples * period_ms / 1000, 1),
        label=None if label is None else label.exercise,
        unreadable_bytes=file.unreadable_bytes,
        detail=None if file.reason is None else f"byte {file.unreadable_at}: {file.reason}",
    )


def _batches(packets: tuple[Packet, ...]) -> Iterator[tuple[Packet, ...]]:
    for at in range(0, len(packets), BATCH_FRAMES):
        yield packets[at : at + BATCH_FRAMES]
