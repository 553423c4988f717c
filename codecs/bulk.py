"""Many packed payloads in one go: for readers that have hours of frames and want one array."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from kinelog.codecs.errors import TruncatedSamplesError
from kinelog.codecs.packed_samples import SAMPLES_13, PackedSamples
from kinelog.codecs.tagged import AE, HEADER
from kinelog.codecs.values import Format, FrameSummary, SensorKind
from numpy.typing import NDArray

_AE_PAYLOAD_AT = HEADER.size + AE.tag_bytes


def packed_payload(data: bytes, summary: FrameSummary) -> bytes | None:
    """The payload of a frame that is one accelerometer's packed words and nothing else: what nearly all frames are.

    Args:
        data: The frame.
        summary: What `frames.summarize` says about it.

    Returns:
        `block.count` words for `decode_payloads`, or None for a frame that has to be decoded by itself.
    """
    if summary.format is not Format.AE or len(summary.blocks) != 1:
        return None
    block = summary.blocks[0]
    payload = data[_AE_PAYLOAD_AT:]
    if block.kind is not SensorKind.ACCELEROMETER or len(payload) != block.count * SAMPLES_13.word_bytes:
        return None
    return payload


def decode_payloads(payloads: Iterable[bytes], packed: PackedSamples = SAMPLES_13) -> NDArray[np.int16]:
    """Unpack packed payloads that lie one behind the other in time.

    Takes the payloads' own size again for joining them, 6 bytes a sample for the result and a fixed buffer that fits
    the processor's cache.

    Args:
        payloads: Bytes of whole samples each, headers cut off.
        packed: How they are packed.

    Returns:
        `(n, 3)` int16 over all payloads.

    Raises:
        TruncatedSamplesError: A payload ends within a sample; the offset is that of its end in the joined payloads.
    """
    whole = []
    size = 0
    for payload in payloads:
        size += len(payload)
        if len(payload) % packed.word_bytes:
            raise TruncatedSamplesError(size, f"a payload of {len(payload)} bytes ends within a sample")
        whole.append(payload)
    # The decoder loads the bytes before a word too: joining behind such bytes spares it a second copy.
    joined = b"".join([bytes(packed.lead_bytes), *whole])
    return packed.decode(joined, packed.lead_bytes, size // packed.word_bytes)
