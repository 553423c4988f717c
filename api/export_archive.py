"""Everything the log knows of a person, as a zip of open formats, made piece by piece.

`user.json` is who they are, `events.ndjson` their own stream as it was written; for each session a folder with
`session.json`, `sets.ndjson`, `frames.ndjson` (the bytes as received, base64, and what they were decoded to),
`samples.csv` (decoded anew) and `kept_aside.ndjson` (frames that were refused, and why).
"""

from __future__ import annotations

import base64
import csv
import io
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import msgspec
from kinelog.codecs.errors import CodecError
from kinelog.codecs.frames import decode
from kinelog.domain import events as did
from kinelog.domain.decider import evolve, initial
from kinelog.domain.events import Event
from kinelog.domain.identifiers import Person
from kinelog.domain.states import UserState
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.port import Journal
from typing_extensions import override

README = b"""What Kinelog knows of you.

user.json              your profile, devices and consents as they are now
events.ndjson          every event of your own, one JSON object a line
sessions/ID/           one folder for each session:
  session.json         when, where, what was planned, how it ended
  sets.ndjson          sets: as recognised or entered, and as corrected
  frames.ndjson        frames as received (base64), and what they hold
  samples.csv          the sensor data of the frames, decoded
  kept_aside.ndjson    frames that could not be used, and why

Times are Unix milliseconds. Accelerations are milli-g, rotations rad/s, heart rates beats a minute.
"""
SAMPLE_COLUMNS = ("device", "sequence", "kind", "location", "unit", "start_ms", "rate_hz", "row", "x", "y", "z")

_FIXED_TIME = (1980, 1, 1, 0, 0, 0)  # the archive says nothing about when it was asked for
_ENCODER = msgspec.json.Encoder()


class _Pipe(io.RawIOBase):
    """Where the archive is written to: bytes wait here until they are sent."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    @override
    def writable(self) -> bool:
        return True

    @override
    def write(self, data: object) -> int:
        piece = bytes(memoryview(data))  # type: ignore[arg-type] # zipfile writes bytes-like objects
        self._pieces.append(piece)
        return len(piece)

    def take(self) -> bytes:
        """What was written since the last call."""
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


@dataclass(frozen=True, slots=True)
class PersonArchive:
    """Makes one person's archive from the log. Blocking; memory is bounded by one event."""

    journal: Journal
    codec: EventCodec
    person: Person
    name: str

    def pieces(self) -> Iterator[bytes]:
        """The archive's bytes, in pieces.

        Raises:
            ErasedPersonError: The person was erased meanwhile.
            CorruptError: The log is damaged.
        """
        pipe = _Pipe()
        with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, lines in self._files():
                entry = zipfile.ZipInfo(path, _FIXED_TIME)
                entry.compress_type = zipfile.ZIP_DEFLATED
                with archive.open(entry, "w", force_zip64=True) as file:
                    for line in lines:
                        file.write(line)
                        yield pipe.take()
                yield pipe.take()
        yield pipe.take()

    def _files(self) -> Iterator[tuple[str, Iterable[bytes]]]:
        yield "README.txt", [README]
        entity = self.person.persistence_id
        state = initial(entity)
        for event in self._events(entity):
            state = evolve(state, event)
        if not isinstance(state, UserState):
            raise TypeError("a person's stream folds to a user")
        yield "user.json", [_line({"user": self.name, **_plain(state)})]
        yield "events.ndjson", (_event_line(event) for event in self._events(entity))
        for session in state.sessions:
            yield from self._session_files(session)

    def _session_files(self, session: str) -> Iterator[tuple[str, Iterable[bytes]]]:
        entity = self.person.session(session)
        folder = f"sessions/{session}"
        yield f"{folder}/session.json", self._session_lines(entity, session)
        yield f"{folder}/sets.ndjson", self._chosen(entity, (did.SetLabelled, did.SetCorrected), _event_line)
        yield f"{folder}/frames.ndjson", self._chosen(entity, (did.FrameRecorded,), _frame_line)
        yield f"{folder}/samples.csv", self._sample_lines(entity)
        kept = (did.FrameRejected, did.FrameQuarantined)
        yield f"{folder}/kept_aside.ndjson", self._chosen(entity, kept, _event_line)

    def _session_lines(self, entity: str, session: str) -> Iterator[bytes]:
        told: list[dict[str, object]] = []
        frames: dict[str, int] = {}
        for event in self._events(entity):
            if isinstance(event, did.FrameRecorded):
                frames[event.device] = frames.get(event.device, 0) + 1
            elif isinstance(event, did.SessionStarted | did.SessionEnded | did.SessionAbandoned | did.SessionDeleted):
                told.append({"event": type(event).__name__, **_plain(event)})
        yield _line({"session": session, "frames": frames, "events": told})

    def _chosen(self, entity: str, kinds: tuple[type[Event], ...], line: Callable[[Event], bytes]) -> Iterator[bytes]:
        return (line(event) for event in self._events(entity) if isinstance(event, kinds))

    def _sample_lines(self, entity: str) -> Iterator[bytes]:
        yield _csv_lines([SAMPLE_COLUMNS])
        for event in self._events(entity):
            if isinstance(event, did.FrameRecorded):
                yield _csv_lines(_sample_rows(event))

    def _events(self, entity: str) -> Iterator[Event]:
        return (self.codec.open(positioned.event) for positioned in self.journal.replay(entity))


def _sample_rows(event: did.FrameRecorded) -> Iterator[tuple[object, ...]]:
    try:
        frame = decode(event.data, event.summary.format)
    except CodecError:
        return  # stored by an older decoder that took more; its bytes are in frames.ndjson
    for block in frame.blocks:
        told = block.summary
        start_ms = did.block_start_ms(event, told)
        place = (event.device, event.sequence, told.kind.value, told.location or "", told.unit, start_ms, told.rate_hz)
        for row, values in enumerate(block.samples.tolist()):
            yield (*place, row, *values)


def _csv_lines(rows: Iterable[tuple[object, ...]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _frame_line(event: Event) -> bytes:
    if not isinstance(event, did.FrameRecorded):
        raise TypeError("only recorded frames have a frame's line")
    summary = {**_plain(event.summary), "blocks": [_plain(block) for block in event.summary.blocks]}
    return _line({**_plain(event), "summary": summary, "data": base64.b64encode(event.data).decode()})


def _event_line(event: Event) -> bytes:
    return _line({"event": type(event).__name__, **_plain(event)})


def _plain(value: msgspec.Struct) -> dict[str, object]:
    """A struct's fields by name (stored, they are arrays without names), nested ones too."""
    return {name: _plain_value(getattr(value, name)) for name in value.__struct_fields__}


def _plain_value(value: object) -> object:
    if isinstance(value, msgspec.Struct):
        return _plain(value)
    if isinstance(value, dict):
        return {str(key): _plain_value(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain_value(item) for item in value]
    return value


def _line(value: dict[str, object]) -> bytes:
    return _ENCODER.encode(value) + b"\n"
