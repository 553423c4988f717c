"""Which frames of one device a session holds: an immutable set of sequence numbers, each with its 8-byte digest.

A frame a second for an hour is 3 600 digests. As Python objects they would cost a third of a megabyte, and copying
them for every new state would be quadratic. So they lie packed in pages of 512 consecutive sequence numbers: a bitmap
of the numbers that are there, and the digests of those, in order. A new frame copies one page (at most 4 KiB) and the
tuples that name the pages; late frames and filled gaps need no merging, since a page has its place from the start.
"""

from __future__ import annotations

from bisect import bisect_left

import msgspec
from kinelog.domain.values import MissingRange

DIGEST_BYTES = 8
PAGE_FRAMES = 512


class Received(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Sequence numbers from 0 and the digests of their frames.

    Attributes:
        pages: Numbers of the pages that hold something, ascending; page p holds p·512 to p·512 + 511.
        bitmaps: For each page which numbers are there: bit i, counted from the lowest of the first byte, for
            p·512 + i; without trailing zero bytes.
        digests: For each page the digests of those numbers, 8 bytes each, ascending.
        count: How many numbers there are.
    """

    pages: tuple[int, ...] = ()
    bitmaps: tuple[bytes, ...] = ()
    digests: tuple[bytes, ...] = ()
    count: int = 0

    @property
    def high_water(self) -> int:
        """The highest sequence number, or -1 when there is none."""
        if not self.pages:
            return -1
        return self.pages[-1] * PAGE_FRAMES + int.from_bytes(self.bitmaps[-1], "little").bit_length() - 1

    def digest_at(self, sequence: int) -> bytes | None:
        """The digest of the frame with this number, or None when there is no such frame."""
        page, bit = divmod(sequence, PAGE_FRAMES)
        place = _place(self.pages, page)
        if place == len(self.pages) or self.pages[place] != page:
            return None
        bitmap = int.from_bytes(self.bitmaps[place], "little")
        if not bitmap >> bit & 1:
            return None
        start = DIGEST_BYTES * _bits_below(bitmap, bit)
        return self.digests[place][start : start + DIGEST_BYTES]

    def insert(self, sequence: int, digest: bytes) -> Received:
        """With one more frame; a number that is there already keeps its first digest.

        Raises:
            ValueError: A negative number, or a digest that is not 8 bytes long.
        """
        if sequence < 0 or len(digest) != DIGEST_BYTES:
            message = f"sequence {sequence} with a digest of {len(digest)} bytes"
            raise ValueError(message)
        page, bit = divmod(sequence, PAGE_FRAMES)
        place = _place(self.pages, page)
        if place == len(self.pages) or self.pages[place] != page:
            return Received(
                (*self.pages[:place], page, *self.pages[place:]),
                (*self.bitmaps[:place], _packed(1 << bit), *self.bitmaps[place:]),
                (*self.digests[:place], digest, *self.digests[place:]),
                self.count + 1,
            )
        bitmap = int.from_bytes(self.bitmaps[place], "little")
        if bitmap >> bit & 1:
            return self
        packed = self.digests[place]
        if bitmap >> bit:  # late: its digest goes between others
            start = DIGEST_BYTES * _bits_below(bitmap, bit)
            digests = packed[:start] + digest + packed[start:]
        else:
            digests = packed + digest
        return Received(
            self.pages,
            _replaced(self.bitmaps, place, _packed(bitmap | 1 << bit)),
            _replaced(self.digests, place, digests),
            self.count + 1,
        )

    def missing(self, upto: int, most: int | None = None) -> tuple[MissingRange, ...]:
        """The numbers from 0 to below `upto` that are not there, as ranges, ascending.

        Args:
            upto: The first number that is not asked for.
            most: At most this many ranges, the lowest ones; None for all.
        """
        ranges: list[MissingRange] = []
        expected = 0
        for page, packed in zip(self.pages, self.bitmaps, strict=True):
            base = page * PAGE_FRAMES
            if base >= upto or (most is not None and len(ranges) >= most):
                break
            for first, after in _runs(int.from_bytes(packed, "little")):
                if base + first > expected and expected < upto:
                    ranges.append(MissingRange(expected, min(base + first, upto) - 1))
                expected = base + after
        if expected < upto:
            ranges.append(MissingRange(expected, upto - 1))
        return tuple(ranges if most is None else ranges[:most])


def _place(pages: tuple[int, ...], page: int) -> int:
    # Nearly every frame belongs to the newest page; only late ones pay for a search.
    if pages and pages[-1] == page:
        return len(pages) - 1
    return bisect_left(pages, page)


def _bits_below(bitmap: int, bit: int) -> int:
    return (bitmap & ((1 << bit) - 1)).bit_count()


def _packed(bitmap: int) -> bytes:
    return bitmap.to_bytes((bitmap.bit_length() + 7) // 8, "little")


def _replaced(items: tuple[bytes, ...], place: int, item: bytes) -> tuple[bytes, ...]:
    if len(items) == 1:
        return (item,)
    return (*items[:place], item, *items[place + 1 :])


def _runs(bitmap: int) -> list[tuple[int, int]]:
    """Runs of set bits as (first bit, bit after the last), ascending."""
    runs = []
    at = 0
    while bitmap:
        gap = (bitmap & -bitmap).bit_length() - 1
        bitmap >>= gap
        length = (~bitmap & (bitmap + 1)).bit_length() - 1
        bitmap >>= length
        runs.append((at + gap, at + gap + length))
        at += gap + length
    return runs
