"""A cursor that one process hands out is opened by every other of the deployment, and by those that come after it."""

from __future__ import annotations

from pathlib import Path

import pytest
from kinelog.service.configuration import MASTER_KEY_VARIABLE, DataFolder, Settings
from kinelog.service.embedded_data import EmbeddedData

MASTER = "ab" * 32


def key_of(root: Path) -> bytes:
    with EmbeddedData(DataFolder(root), Settings()) as opened:
        return opened.cursor_key()


def test_folders_of_one_master_key_seal_alike_and_others_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = key_of(tmp_path / "own")
    monkeypatch.setenv(MASTER_KEY_VARIABLE, MASTER)
    first, second = key_of(tmp_path / "first"), key_of(tmp_path / "second")
    assert first == second == key_of(tmp_path / "first")
    assert own != first
    assert len(first) == 32
    assert bytes.fromhex(MASTER) != first


def test_a_folder_that_has_a_key_of_its_own_keeps_it(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.create()
    (folder.keys / "cursor.key").write_bytes(b"k" * 32)
    assert key_of(tmp_path) == b"k" * 32
