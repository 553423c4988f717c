"""A result is there wholly or not at all, and only under its own key."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest
from kinelog.ml.result_cache import DIGEST, ResultCache

from tests.registry.damage import every_change

KEY, OTHER = "ab" * 32, "cd" * 32


def file_of(folder: Path, key: str = KEY) -> Path:
    return folder / key[:2] / key


def test_what_was_written_is_read(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path)
    assert cache.read(KEY) is None
    assert KEY not in cache
    cache.write(KEY, b"weights")
    assert cache.read(KEY) == b"weights"
    assert KEY in cache


def test_a_file_with_any_bit_changed_counts_as_missing_is_removed_and_told_of(tmp_path: Path) -> None:
    told: list[str] = []
    cache = ResultCache(tmp_path, told.append)
    cache.write(KEY, b"weights")
    file = file_of(tmp_path)

    def is_seen(damaged: bytes) -> None:
        file.write_bytes(damaged)
        told.clear()
        assert cache.read(KEY) is None
        assert told == [KEY]
        assert not file.exists()
        cache.write(KEY, b"weights")
        assert KEY in cache

    every_change(file.read_bytes(), range(DIGEST), is_seen)


def test_the_result_of_another_key_is_none_of_this_one(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path)
    cache.write(OTHER, b"weights")
    file_of(tmp_path).parent.mkdir()
    shutil.copy(file_of(tmp_path, OTHER), file_of(tmp_path))
    assert (KEY in cache, OTHER in cache) == (False, True)


@pytest.mark.parametrize("place", [".", ".."])
def test_what_is_no_file_of_ours_is_replaced(tmp_path: Path, place: str) -> None:
    """A folder where the file should be, a file where its folder should be."""
    told: list[str] = []
    cache = ResultCache(tmp_path, told.append)
    if place == ".":
        (file_of(tmp_path) / "within").mkdir(parents=True)
    else:
        file_of(tmp_path).parent.write_text("")
    assert (KEY in cache, told) == (False, [KEY])
    cache.write(KEY, b"weights")
    assert cache.read(KEY) == b"weights"


def test_only_what_nobody_read_for_long_is_removed(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path)
    old, read, new = "11" * 32, "22" * 32, "33" * 32
    for key in (old, read, new):
        cache.write(key, b"x")
    for key in (old, read):
        os.utime(file_of(tmp_path, key), (time.time() - 100, time.time() - 100))
    cache.read(read)
    assert cache.remove_old(kept_s=50) == 1
    assert [key in cache for key in (old, read, new)] == [False, True, True]
