"""Sets out of folders of raw captures, through the codecs: a folder is a session, a file a set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from kinelog.codecs import frames
from kinelog.codecs.errors import CodecError
from kinelog.codecs.values import Format, SensorKind
from kinelog.ml.gates import Refused
from kinelog.ml.signals import Signal, joined
from kinelog.phone.capture_files import CaptureError, CaptureFile, Packet, find_captures, read_capture
from kinelog.phone.capture_labels import CaptureLabel, read_labels

FULL_TOLERANCE = 0.05
"""A packet that lasted longer than its samples take, by more than this share, has lost some, nobody knows where."""
USUAL_PERIOD_MS = 20.45
"""Of one sample, where a file has no packet without a loss to measure it on."""


@dataclass(frozen=True, eq=False, slots=True)
class CapturedSet:
    """One file with a label.

    Attributes:
        capture: Name of the folder.
        file: Name of the file, without `.raw`.
        signal: On the watch's clock; packets that lost samples are left out.
    """

    capture: str
    file: str
    label: CaptureLabel
    signal: Signal


def capture_folders(folder: Path) -> dict[str, Path]:
    """Folders of captures directly below this one: names to their paths."""
    found = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_dir() and (any(path.glob("*.raw")) or any(path.glob("*/*.raw"))):
            found[path.name] = path
    return found


def captured_sets(folder: Path, dropped: Counter[str]) -> Iterator[CapturedSet]:
    """Labelled sets of all captures in a folder.

    Args:
        folder: Holds captures, or is one.
        dropped: Gets counts of what is left out.

    Raises:
        CaptureError: There is no capture.
    """
    for path in find_captures([folder]):
        capture = read_capture(path)
        labels = read_labels(capture.labels_text, {file.name for file in capture.files})
        dropped["label without a file"] += labels.holes["label without a file"]
        for file in capture.files:
            label = labels.of_file.get(file.name)
            signal = None if label is None else signal_of(file)
            if label is None:
                dropped["no label"] += 1
            elif signal is None:
                dropped[Refused.LOSSY.value] += 1
            else:
                yield CapturedSet(capture.name, file.name, label, signal)


def signal_of(file: CaptureFile) -> Signal | None:
    """The samples of a file on the watch's clock; None where every packet has lost some.

    Raises:
        CaptureError: A packet does not decode.
    """
    packets = {(packet.sequence, packet.timestamp_ms): packet for packet in file.packets if packet.samples}
    whole = [packet for packet in packets.values() if _is_whole(packet)]
    if not whole:
        return None
    lasted = sum(packet.duration_ms for packet in whole)
    period_ms = lasted / sum(packet.samples for packet in whole) if lasted else USUAL_PERIOD_MS
    return joined([part for packet in whole for part in _parts(packet, period_ms)])


def _is_whole(packet: Packet) -> bool:
    nominal_ms = packet.samples * 1000 / packet.rate_hz
    return packet.duration_ms <= nominal_ms * (1 + FULL_TOLERANCE)


def _parts(packet: Packet, period_ms: float) -> Iterator[Signal]:
    try:
        blocks = frames.decode(packet.data, Format.MUVR16).blocks
    except CodecError as error:
        raise CaptureError(f"{packet.file}.raw: packet {packet.sequence}: {error.code}") from error
    for block in blocks:
        if block.summary.kind is SensorKind.ACCELEROMETER:
            times_ms = packet.start_ms + np.arange(len(block.samples), dtype=np.float64) * period_ms
            yield Signal(times_ms, block.samples.astype(np.int16, copy=False), 1000.0 / period_ms)
