"""A result is there wholly or not at all."""

from __future__ import annotations

import os
import time
from pathlib import Path

from hypothesis import given, settings, strategies
from kinelog.ml.result_cache import ResultCache

KEY = "ab" * 32


def test_what_was_written_is_read(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path)
    assert cache.read(KEY) is None
    assert KEY not in cache
    cache.write(KEY, b"weights")
    assert cache.read(KEY) == b"weights"
    assert KEY in cache


@settings(max_examples=60, deadline=None)
@given(place=strategies.integers(0, 38), flip=strategies.integers(1, 255))
def test_a_file_with_one_byte_changed_counts_as_missing_and_is_removed(
    tmp_path_factory: object, place: int, flip: int
) -> None:
    folder = Path(str(tmp_path_factory.mktemp("cache")))  # type: ignore[attr-defined]  # typed privately by pytest
    cache = ResultCache(folder)
    cache.write(KEY, b"weights")
    (file,) = folder.glob("*/*")
    damaged = bytearray(file.read_bytes())
    damaged[place] ^= flip
    file.write_bytes(damaged)
    assert cache.read(KEY) is None
    assert KEY not in cache


def test_a_file_that_was_cut_off_counts_as_missing(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path)
    cache.write(KEY, b"weights")
    (file,) = tmp_path.glob("*/*")
    file.write_bytes(file.read_bytes()[:10])
    assert cache.read(KEY) is None


def test_only_what_nobody_read_for_long_is_removed(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path)
    old, read, new = "11" * 32, "22" * 32, "33" * 32
    for key in (old, read, new):
        cache.write(key, b"x")
    for key in (old, read):
        (file,) = tmp_path.glob(f"*/{key}")
        os.utime(file, (time.time() - 100, time.time() - 100))
    cache.read(read)
    assert cache.remove_old(kept_s=50) == 1
    assert [key in cache for key in (old, read, new)] == [False, True, True]
