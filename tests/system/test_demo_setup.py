"""The demo is made once; a damaged note of what was made is named, and removing it makes another token."""

from __future__ import annotations

from pathlib import Path

import pytest
from kinelog.service.configuration import DataFolder, load_settings
from kinelog.service.demo_setup import set_up_demo
from kinelog.service.errors import RefusedError


@pytest.mark.parametrize("damaged", [b"", b"{", b'{"tenant":"\xff"}', b"[]"])
def test_a_damaged_note_of_the_demo_is_named_and_may_be_removed(tmp_path: Path, damaged: bytes) -> None:
    folder, settings = DataFolder(tmp_path), load_settings(tmp_path)
    first = set_up_demo(folder, settings)
    assert set_up_demo(folder, settings) == first
    note = tmp_path / "demo.json"
    note.write_bytes(damaged)
    with pytest.raises(RefusedError, match=f"{note}: .*remove it"):
        set_up_demo(folder, settings)
    note.unlink()
    again = set_up_demo(folder, settings)
    assert again.tenant == first.tenant
    assert again.owner_token != first.owner_token
