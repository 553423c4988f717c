"""A data set out of a folder of recordings: files of samples with what they are, and folders of raw captures."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from kinelog.ml.captures import CapturedSet, capture_folders, captured_sets
from kinelog.ml.cutting import cut
from kinelog.ml.examples import Dataset, SetExample, dataset_of
from kinelog.ml.gates import DEFAULT_GATES, Gates, Refused
from kinelog.ml.occasions import Occasion, occasions
from kinelog.ml.recorded_sets import Recording, RecordingError, SetColumns, read_recording, recordings_in
from kinelog.ml.recording_traps import (
    SESSIONS_OF_CAPTURES,
    STRETCHED_RATE_HZ,
    UNKNOWN_SITE,
    in_other_unit,
    is_stretched,
)

PEOPLE_OF = {"recorded": "muvr"}
"""Recordings of the same people under two names: nobody may be on both sides of a split."""
_NO_COLUMNS = SetColumns(rate_hz=50.0)


@dataclass(frozen=True, slots=True)
class _Source:
    """Where an example comes from; `name` is unique within recording and subject."""

    recording: str
    subject: str
    session: str
    number: int
    name: str


class Stretched(StrEnum):
    """What to do with sets that are known to run too slow."""

    CORRECTED = "corrected"
    AS_RECORDED = "as-recorded"
    LEFT_OUT = "left-out"


@dataclass(frozen=True, slots=True)
class Reading:
    """How recordings are read.

    Attributes:
        names: Which of them, files and folders of captures alike; None: all.
        gates: What is too poor.
        stretched: What becomes of the stretched sets of `muvr`.
        negatives: Most pieces of nothing out of one stretch.
    """

    names: tuple[str, ...] | None = None
    gates: Gates = DEFAULT_GATES
    stretched: Stretched = Stretched.CORRECTED
    negatives: int = 3


def available_recordings(folder: Path) -> tuple[str, ...]:
    """Names of all recordings in a folder.

    Raises:
        RecordingError: It is no folder.
    """
    return tuple(sorted({*recordings_in(folder), *capture_folders(folder)}))


def read_recordings(
    folder: Path, reading: Reading | None = None, progress: Callable[[int, int], None] = lambda _done, _total: None
) -> Dataset:
    """Read recordings into one data set.

    Sets that are in two recordings come in once: raw captures, which still have their first seconds, go before files
    made of them; of equal samples the first are kept.

    Args:
        folder: Holds `NAME.npz` with `NAME.json`, and folders of raw captures.
        reading: How; all recordings, in the usual way, when absent.
        progress: Told how many recordings are done, of how many.

    Raises:
        RecordingError: There is nothing to read, or what is there cannot be read; names file and field.
        CaptureError: A folder of captures cannot be read.
    """
    reading = reading or Reading()
    names = _wanted(folder, reading.names)
    captures = capture_folders(folder)
    gathered = _Gathered(reading)
    for done, name in enumerate(sorted(names, key=lambda name: (name not in captures, name))):
        progress(done, len(names))
        if name in captures:
            gathered.add_captures(name, captured_sets(captures[name], gathered.dropped))
        else:
            gathered.add_recording(read_recording(folder, name))
    progress(len(names), len(names))
    return dataset_of(gathered.examples, +gathered.dropped, "; ".join(gathered.notes))


def _wanted(folder: Path, names: Sequence[str] | None) -> tuple[str, ...]:
    there = available_recordings(folder)
    if not there:
        raise RecordingError(f"{folder}: no NAME.json with NAME.npz, and no folder of *.raw captures")
    for name in names or ():
        if name not in there:
            raise RecordingError(f"{folder}: no recording {name!r}; there are {', '.join(there)}")
    return there if names is None else tuple(dict.fromkeys(names))


class _Gathered:
    """Examples so far, and what was left out."""

    def __init__(self, reading: Reading) -> None:
        self.examples: list[SetExample] = []
        self.dropped: Counter[str] = Counter()
        self.notes: list[str] = []
        self._reading = reading
        self._captured: set[tuple[str, str]] = set()
        self._seen: set[bytes] = set()

    def add_captures(self, name: str, sets: Iterator[CapturedSet]) -> None:
        """Take in folders of captures."""
        kept = 0
        for found in sets:
            session = SESSIONS_OF_CAPTURES.get(found.capture, found.capture)
            start_ms = float(found.signal.times_ms[0])
            end_ms = float(found.signal.times_ms[-1])
            subject = found.capture.partition("-")[0]
            number = int(found.file) if found.file.isdecimal() else 0
            made = self._add(
                _Source(name, subject, session, number, f"{found.capture}/{found.file}"),
                Occasion(
                    number, 0, _NO_COLUMNS, {UNKNOWN_SITE: found.signal}, found.label.name,
                    found.label.exercise.rpartition("/")[2], start_ms, end_ms,
                ),
            )  # fmt: skip
            if made:
                kept += 1
                self._captured.add((session, found.file))
        self.notes.append(f"{name}: {kept} sets of raw captures")

    def add_recording(self, recording: Recording) -> None:
        """Take in a file."""
        self.dropped.update(recording.refused)
        rates: dict[int, float] = {}
        left_out: set[int] = set()
        for row in recording.sets:
            session = None if row.columns.session is None else str(row.columns.session)
            if (session or "", str(row.columns.order)) in self._captured and recording.name == "muvr":
                self.dropped["recorded twice"] += 1
                left_out.add(row.index)
            elif is_stretched(recording.name, session, len(row.samples)):
                if self._reading.stretched is Stretched.LEFT_OUT:
                    self.dropped["stretched"] += 1
                    left_out.add(row.index)
                elif self._reading.stretched is Stretched.CORRECTED:
                    rates[row.index] = STRETCHED_RATE_HZ
        for occasion in occasions(recording, rates, self._reading.negatives):
            if occasion.index not in left_out:
                self._add(_source(recording.name, occasion), occasion)
        self.notes.append(f"{recording.name}: {recording.note}{_corrections(recording, len(rates))}")

    def _add(self, source: _Source, occasion: Occasion) -> bool:
        if occasion.label is None and occasion.end_ms - occasion.start_ms < self._reading.gates.least_ms:
            return False
        made = cut(occasion.signals, occasion.start_ms, occasion.end_ms, self._reading.gates)
        if isinstance(made, Refused):
            self.dropped[made.value] += 1
            return False
        for why in made.refused.values():
            self.dropped[f"one site: {why.value}"] += 1
        digest = hashlib.sha256(made.samples.tobytes()).digest()
        if digest in self._seen:
            self.dropped["same samples twice"] += 1
            return False
        self._seen.add(digest)
        said = occasion.columns
        self.examples.append(
            SetExample(
                key=f"{source.recording}/{source.subject}/{source.name}",
                person=f"{PEOPLE_OF.get(source.recording, source.recording)}:{source.subject}",
                session=source.session,
                number=source.number,
                label=occasion.label,
                fine=occasion.fine,
                sites=made.sites,
                samples=made.samples,
                start_row=made.start_row,
                end_row=made.end_row,
                source_rate_hz=made.rate_hz,
                age_group=said.age_group,
                sex=said.sex,
                proficiency=said.proficiency,
            )
        )
        return True


def _corrections(recording: Recording, stretched: int) -> str:
    """What was put right, in words."""
    converted = sum(
        in_other_unit(row.known_samples[:, at : at + 3])
        for row in recording.sets
        for at in range(0, row.samples.shape[1], 3)
    )
    said = f"; {stretched} stretched sets put to their true speed" if stretched else ""
    return f"{said}; {converted} signals in m/s2 converted" if converted else said


def _source(recording: str, occasion: Occasion) -> _Source:
    said = occasion.columns
    subject = "1" if said.subject is None else str(said.subject)
    session = said.session if said.session is not None else said.file or said.activity or ""
    name = f"{session}/{occasion.index:05d}.{occasion.part:03d}"
    number = occasion.part if said.labels is not None else occasion.index
    return _Source(recording, subject, str(session), number, name)
