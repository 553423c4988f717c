"""Fixtures of the privacy tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kinelog.privacy.key_store import KeyStore


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def keys(folder: Path) -> Iterator[KeyStore]:
    store = KeyStore.open(folder)
    yield store
    store.close()
