"""How much faster the codecs decode than bitstring does: `python benchmarks/decode_frames.py`.

One 50-sample `ae` frame with every check, and packed samples in bulk, each as a ratio of the same work done with
bitstring in the same run. bitstring appears in three ways: words sliced into fields, words unpacked one by one, and a
single `unpack` whose format string is written for exactly 50 samples. The last shows what bitstring can do when the
length of every frame is known beforehand, which no decoder of these formats can rely on.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import partial
from typing import cast

import numpy as np
from bitstring import Bits
from kinelog.codecs import frames
from kinelog.codecs.bulk import decode_payloads
from kinelog.codecs.encoding import encode, make_block
from kinelog.codecs.packed_layout import PACKED_13
from kinelog.codecs.packed_reference import decode_words
from kinelog.codecs.values import Format, SensorKind

ROUNDS = 25
BULK_SAMPLES = 1_000_000
PAYLOAD_SAMPLES = 50
_WORD = "uint:1, int:13, int:13, int:13"
_WORDS = ", ".join([_WORD] * PAYLOAD_SAMPLES)


def seconds_of(works: dict[str, tuple[Callable[[], object], int]]) -> dict[str, float]:
    """The best round of each work, a call.

    The works take turns, so that a busy neighbour slows all of them and not one.

    Args:
        works: What to do, and how often in a round, by name.
    """
    best = dict.fromkeys(works, float("inf"))
    for _ in range(ROUNDS):
        for name, (work, repeats) in works.items():
            start = time.perf_counter()
            for _ in range(repeats):
                work()
            best[name] = min(best[name], (time.perf_counter() - start) / repeats)
    return best


def sample_frame() -> bytes:
    """A frame as a Pebble sends it every second."""
    source = random.Random(1)
    rows = np.array([[source.randrange(-4095, 4096) for _ in range(3)] for _ in range(PAYLOAD_SAMPLES)], dtype=np.int16)
    block = make_block(SensorKind.ACCELEROMETER, rows, 50, "left-wrist", start_ms=1_464_796_800_000)
    return encode(Format.AE, [block], out_of_range="refuse")


def _checked_header(data: bytes) -> None:
    header = Bits(data[:20])
    assert header[:16].bytes == b"ae"
    assert header[16:24].uint == 1
    assert header[24:32].uint > 0
    assert abs(header[32:96].floatle) < 1e11
    assert header[96:128].uintle == 3 * PAYLOAD_SAMPLES
    assert header[128:152].bytes == b"tal"
    assert len(data) == 20 + 5 * PAYLOAD_SAMPLES


def with_slices(data: bytes) -> list[tuple[int, ...]]:
    """The frame in bitstring, each word sliced into its fields."""
    _checked_header(data)
    return decode_words(PACKED_13, data[20:])


def with_unpacked_words(data: bytes) -> list[tuple[int, ...]]:
    """The frame in bitstring, each word unpacked."""
    _checked_header(data)
    rows: list[tuple[int, ...]] = []
    for at in range(20, len(data), 5):
        _, z, y, x = cast("list[int]", Bits(data[at : at + 5][::-1]).unpack(_WORD))
        rows.append((x, y, z))
    return rows


def with_fixed_length(data: bytes) -> list[tuple[int, ...]]:
    """The frame in bitstring, all words in one call whose format knows how many there are."""
    _checked_header(data)
    words = b"".join([data[at : at + 5][::-1] for at in range(20, len(data), 5)])
    values = cast("list[int]", Bits(words).unpack(_WORDS))
    return list(zip(values[3::4], values[2::4], values[1::4], strict=True))


PEERS = {
    "words sliced into fields": with_slices,
    "words unpacked one by one": with_unpacked_words,
    "one unpack of fixed length": with_fixed_length,
}


def main() -> None:
    """Measure and print."""
    data = sample_frame()
    rows = [tuple(row) for row in frames.decode(data).blocks[0].samples.tolist()]
    for peer in PEERS.values():
        assert peer(data) == rows

    payloads = [data[20:]] * (BULK_SAMPLES // PAYLOAD_SAMPLES)
    best = seconds_of(
        {
            "decode": (lambda: frames.decode(data), 1000),
            "checks": (lambda: frames.summarize(data), 2000),
            "bulk": (lambda: decode_payloads(payloads), 1),
        }
        | {name: (partial(peer, data), 30) for name, peer in PEERS.items()}
    )
    ours, bulk = best["decode"], BULK_SAMPLES / best["bulk"]
    print(f"one 50-sample ae frame, every check included: {1e6 * ours:.1f} us (checks: {1e6 * best['checks']:.1f} us)")
    print(f"bulk, 50 samples a payload: {bulk / 1e6:.0f} M samples/s")
    print(f"{'against bitstring':<30} {'its time':>10} {'one frame':>10} {'bulk':>10}")
    for name in PEERS:
        theirs = best[name]
        print(f"{name:<30} {1e6 * theirs:>7.0f} us {theirs / ours:>8.1f} x {bulk * theirs / PAYLOAD_SAMPLES:>8.0f} x")


if __name__ == "__main__":
    main()
