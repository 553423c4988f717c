"""Folders of raw captures: what a phone wrote down, byte for byte, while a Pebble sent `muvr16` blocks.

A folder is a session; each `*.raw` file in it is a set and holds the packets in the order in which they came,
retransmissions included. One packet is one block.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

HEADER = struct.Struct("<BBBBBBQH")
SAMPLE_SIZE_OF_TYPE = {0xAD: 5, 0xBD: 5, 0xED: 1}
MAX_FILE_BYTES = 64 * 1024 * 1024


class CaptureError(Exception):
    """A folder that cannot be imported; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet as captured.

    Attributes:
        file: Name of its file, without `.raw`.
        sequence: Its own number, 0 to 255, wrapping.
        timestamp_ms: Unix milliseconds of its last samples.
        duration_ms: How long it says it lasted.
        rate_hz: Nominal rate.
        samples: How many samples it holds.
        data: Its bytes.
    """

    file: str
    sequence: int
    timestamp_ms: int
    duration_ms: int
    rate_hz: int
    samples: int
    data: bytes

    @property
    def start_ms(self) -> int:
        """Unix milliseconds of its first sample."""
        return max(0, self.timestamp_ms - self.duration_ms)


@dataclass(frozen=True, slots=True)
class CaptureFile:
    """One file.

    Attributes:
        name: Without `.raw`.
        packets: In the order of the bytes, retransmissions included.
        unreadable_at: Byte from which on nothing is a packet, or None.
        unreadable_bytes: How many bytes that is.
        reason: Why, or None.
    """

    name: str
    packets: tuple[Packet, ...]
    unreadable_at: int | None = None
    unreadable_bytes: int = 0
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Capture:
    """One folder.

    Attributes:
        name: Of the folder.
        files: In numerical order.
        labels_text: What `labels.txt` says; empty when there is none.
        fingerprint: SHA-256 over names and contents of the raw files, hex: the same folder has the same one wherever
            it lies and whatever its labels became.
    """

    name: str
    files: tuple[CaptureFile, ...]
    labels_text: str
    fingerprint: str


def find_captures(folders: list[Path]) -> list[Path]:
    """The capture folders among these and directly below them.

    Raises:
        CaptureError: There is none in one of them.
    """
    found: list[Path] = []
    for folder in folders:
        inside = [folder, *sorted(path for path in folder.iterdir() if path.is_dir())] if folder.is_dir() else []
        captures = [path for path in inside if any(path.glob("*.raw"))]
        if not captures:
            raise CaptureError(f"{folder}: no *.raw files, neither in it nor in the folders below it")
        found += captures
    return list(dict.fromkeys(found))


def read_capture(folder: Path) -> Capture:
    """Read a folder.

    Raises:
        CaptureError: A file is too large to be a capture.
        OSError: A file cannot be read.
    """
    paths = sorted(folder.glob("*.raw"), key=_by_number)
    digest = sha256()
    files = []
    for path in paths:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise CaptureError(f"{path}: {path.stat().st_size} bytes; a capture has at most {MAX_FILE_BYTES}")
        data = path.read_bytes()
        digest.update(f"{path.stem}\0{len(data)}\0".encode() + data)
        files.append(split(path.stem, data))
    labels = folder / "labels.txt"
    text = labels.read_text(encoding="utf-8", errors="replace") if labels.is_file() else ""
    return Capture(folder.resolve().name, tuple(files), text, digest.hexdigest())


def split(name: str, data: bytes) -> CaptureFile:
    """Cut a file's bytes into packets; stops where they are no packet and says where and why."""
    packets: list[Packet] = []
    at = 0
    while at < len(data):
        reason = _why_no_packet(data, at)
        if reason is not None:
            return CaptureFile(name, tuple(packets), at, len(data) - at, reason)
        _, count, rate_hz, sample_size, _, sequence, timestamp_ms, duration_ms = HEADER.unpack_from(data, at)
        end = at + HEADER.size + (count * sample_size if count else _dead_byte(data, at))
        packets.append(Packet(name, sequence, timestamp_ms, duration_ms, rate_hz, count, data[at:end]))
        at = end
    return CaptureFile(name, tuple(packets))


def _why_no_packet(data: bytes, at: int) -> str | None:
    left = len(data) - at
    size = SAMPLE_SIZE_OF_TYPE.get(data[at])
    if size is None:
        return f"no packet begins with {data[at]:#04x}"
    if left < HEADER.size:
        return f"{left} bytes are left, a header has {HEADER.size}"
    if data[at + 2] == 0:
        return "0 samples a second"
    if data[at + 3] != size:
        return f"samples of {data[at + 3]} bytes where this type has {size}"
    if left < HEADER.size + data[at + 1] * size:
        return f"{data[at + 1]} samples take {data[at + 1] * size} bytes, {left - HEADER.size} are left"
    return None


def _dead_byte(data: bytes, at: int) -> int:
    """1 when the packet without samples at `at` carries the single byte by which a watch says that it stopped."""
    after = at + HEADER.size
    last = len(data) == after + 1
    return int(last or (after < len(data) and data[after] not in SAMPLE_SIZE_OF_TYPE))


def _by_number(path: Path) -> tuple[int, str]:
    return (int(path.stem) if path.stem.isdecimal() else 1 << 62, path.stem)
