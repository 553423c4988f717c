"""`python -m kinelog.codecs.fuzz`: throw broken frames at the codecs, and hold them to their promises.

Whatever the bytes: nothing but a CodecError comes out, `summarize` and `decode` agree, memory stays within a few times
the length of the input and time grows with it in a straight line. A seed names the same cases for ever.
"""

from __future__ import annotations

import struct
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import click
import numpy as np
from kinelog.codecs import frames
from kinelog.codecs.errors import CodecError
from kinelog.codecs.explain import explain
from kinelog.codecs.fuzz_cases import case_of
from kinelog.codecs.values import Format, Frame, FrameSummary, SensorKind

MEMORY_FACTOR = 8
"""Bytes that decoding may hold at once for each byte of input: float64 rotations alone are 4.8."""
MEMORY_FLOOR = 2 * 1024 * 1024
"""What the 4096 blocks that any body may hold and the buffers of numpy take, however short the input."""
_MEMORY_EVERY = 500
_EXPLAIN_EVERY = 10
_GROWTH = 8
_SLACK = 1.5
"""How much faster than its length the work on an input may grow: a square would be 8."""

Read = TypeVar("Read")


class BrokenPromiseError(AssertionError):
    """A case that shows a fault of the codecs."""


@dataclass
class Tally:
    """What came out of the cases.

    Attributes:
        outcomes: Cases by error code, `ok` for those that decoded.
        most_memory: The largest share of the memory bound that a sampled case took.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    most_memory: float = 0.0


def check_case(data: bytes, named: Format | None) -> str:
    """Decode and summarise a case.

    Returns:
        The code of the error, or `ok`.

    Raises:
        BrokenPromiseError: Something else than a CodecError came out, or the two disagree.
    """
    summary, frame = _outcome(frames.summarize, data, named), _outcome(frames.decode, data, named)
    if isinstance(frame, CodecError) or isinstance(summary, CodecError):
        _require_same_error(frame, summary, data)
        return frame.code if isinstance(frame, CodecError) else "ok"
    if frame.summary != summary or tuple(block.summary for block in frame.blocks) != summary.blocks:
        raise BrokenPromiseError(f"summarize and decode tell different things: {summary} and {frame.summary}")
    for block in frame.blocks:
        columns = 1 if block.summary.kind is SensorKind.HEART_RATE else 3
        if block.samples.shape != (block.summary.count, columns) or not np.isfinite(block.samples).all():
            raise BrokenPromiseError(f"{block.summary} has samples of shape {block.samples.shape}, or infinite ones")
    return "ok"


def _outcome(read: Callable[[bytes, Format | None], Read], data: bytes, named: Format | None) -> Read | CodecError:
    try:
        return read(data, named)
    except CodecError as error:
        if not 0 <= error.offset <= len(data):
            raise BrokenPromiseError(f"{error} lies outside of {len(data)} bytes") from error
        return error


def _require_same_error(frame: Frame | CodecError, summary: FrameSummary | CodecError, data: bytes) -> None:
    if not isinstance(frame, CodecError) or not isinstance(summary, CodecError):
        raise BrokenPromiseError(f"one call accepts what the other refuses: {frame} and {summary}")
    if (type(frame), frame.offset, frame.detail) != (type(summary), summary.offset, summary.detail):
        raise BrokenPromiseError(f"{frame} and {summary} on {len(data)} bytes")


def check_explanation(data: bytes, named: Format | None) -> None:
    """Explain a case.

    Raises:
        BrokenPromiseError: The explanation of a good frame leaves bytes out, or that of a bad one hides its error.
    """
    explanation = explain(data, named)
    if (explanation.frame is None) == (explanation.error is None):
        raise BrokenPromiseError("an explanation holds a frame or an error, and never both")
    at = 0
    for one in explanation.fields:
        if one.offset > at:
            raise BrokenPromiseError(f"bytes {at} to {one.offset} are not explained")
        at = max(at, one.offset + one.size)
    if explanation.frame is not None and at != len(data):
        raise BrokenPromiseError(f"{len(data) - at} bytes at the end are not explained")


def memory_share(data: bytes, named: Format | None) -> float:
    """How much of its bound decoding takes at its peak; more than 1 breaks the promise."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        kept = _outcome(frames.decode, data, named)
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    del kept
    return peak / (MEMORY_FLOOR + MEMORY_FACTOR * len(data))


def checked_memory_share(data: bytes, named: Format | None) -> float:
    """The same, within the bound.

    Raises:
        BrokenPromiseError: Decoding takes more than the bound.
    """
    share = memory_share(data, named)
    if share > 1:
        raise BrokenPromiseError(f"{share:.1f} times the memory that {len(data)} bytes may take")
    return share


def growing_bodies(size: int) -> Iterator[tuple[str, bytes, Format | None]]:
    """Bodies of about a length that a careless decoder would spend the square of it on."""
    empty_gfs = bytes((0xAD, 0, 50, 5, 0))
    one_gfs = bytes((0xBD, 1, 50, 5, 0)) + bytes(5)
    empty_muvr16 = bytes((0xAD, 0, 50, 5)) + bytes(12)
    yield "empty gfs blocks", empty_gfs * (size // 5), None
    yield "gfs blocks of one sample", one_gfs * (size // 10), Format.GFS
    yield "empty muvr16 blocks", empty_muvr16 * (size // 16), None
    yield "a first block of a type, then noise", empty_gfs * (size // 5) + b"\x01", None
    yield "a MultiPacket", struct.pack(">HBI", 0xCAB1, 1, 0) + _packets(size), None
    yield "a frame of floats", _floats(size // 12), None
    yield "a frame of packed words", _tagged_header(b"ae", 3 * (size // 5)) + bytes(5 * (size // 5)), None
    yield "a historic run", struct.pack("<HHB", 0xFEFC, size // 5 % 65_536, 50) + bytes(size), Format.GFS_FEFC


def _packets(size: int) -> bytes:
    payload = (bytes((0xAD, 1, 50, 5, 0)) + bytes(5)) * (min(size, 65_000) // 10)
    return struct.pack(">HB", len(payload), 1) + payload


def _tagged_header(magic: bytes, count: int) -> bytes:
    return struct.pack("<2sBBdI4s", magic, 1, 50, 0.0, count, b"tal\0")


def _floats(rows: int) -> bytes:
    return _tagged_header(b"ad", 3 * rows) + bytes(12 * rows)


def work_of(data: bytes, named: Format | None) -> int:
    """Calls that decoding makes: the same on every machine, unlike seconds."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        _outcome(frames.decode, data, named)
    finally:
        sys.setprofile(before)
    return calls


def seconds_of(data: bytes, named: Format | None) -> float:
    """The shortest of a few decodings."""
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        _outcome(frames.decode, data, named)
        best = min(best, time.perf_counter() - start)
    return best


def check_growth(cost: Callable[[bytes, Format | None], float], small: int, slack: float) -> None:
    """Hold the cost of a body eight times as long against eight times the cost.

    Raises:
        BrokenPromiseError: It grew faster than its length and the slack.
    """
    for (name, short, named), (_, long, _) in zip(growing_bodies(small), growing_bodies(_GROWTH * small), strict=True):
        growth = cost(long, named) / cost(short, named)
        if growth > slack * len(long) / len(short):
            raise BrokenPromiseError(
                f"{name}: {len(long) / len(short):.1f} times the bytes, {growth:.1f} times the work"
            )


def run(cases: Iterator[int], seed: int) -> Tally:
    """Hold the codecs to their promises on numbered cases.

    Raises:
        BrokenPromiseError: With the seed, the number and the bytes of the case that shows a fault.
    """
    tally = Tally()
    for number in cases:
        data, named = case_of(seed, number)
        try:
            tally.outcomes[check_case(data, named)] += 1
            if number % _EXPLAIN_EVERY == 0:
                check_explanation(data, named)
            if number % _MEMORY_EVERY == 0:
                tally.most_memory = max(tally.most_memory, checked_memory_share(data, named))
        except Exception as fault:
            told = f"seed {seed}, case {number}, read as {named}: {fault!r}\n{data.hex()}"
            raise BrokenPromiseError(told) from fault
    return tally


def _checked(cases: int, seed: int, first: int) -> tuple[Tally, float]:
    """What came out of the cases, and the largest share of the memory bound that a long body took."""
    with click.progressbar(range(first, first + cases), label="cases", update_min_steps=1000) as numbers:
        tally = run(iter(numbers), seed)
    check_growth(work_of, 8_192, _SLACK)
    check_growth(seconds_of, 65_536, 2 * _SLACK)
    return tally, max(checked_memory_share(data, named) for _, data, named in growing_bodies(1 << 20))


@click.command(epilog="Example: python -m kinelog.codecs.fuzz --cases 1000000 --seed 1")
@click.option("--cases", default=1_000_000, show_default=True, help="How many broken frames to try.")
@click.option("--seed", default=1, show_default=True, help="The same seed makes the same cases.")
@click.option("--first", default=0, show_default=True, help="Number of the first case, to run one again.")
def main(cases: int, seed: int, first: int) -> None:
    """Throw broken frames at the codecs; exit 1 with the case if one shows a fault."""
    try:
        with np.errstate(all="raise"):
            tally, most = _checked(cases, seed, first)
    except BrokenPromiseError as fault:
        raise click.ClickException(str(fault)) from fault
    for code, count in tally.outcomes.most_common():
        click.echo(f"{code:>20} {count:>9}")
    click.echo(f"memory: at most {100 * max(most, tally.most_memory):.0f} % of the bound; time grows with length")


if __name__ == "__main__":
    main()
