"""The key store in a file keeps the contract."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from kinelog.privacy.errors import TamperedError
from kinelog.privacy.key_store import SEALERS, KeyStore
from typing_extensions import override

from tests.privacy.key_store_contract import KeyStoreContract, OpenStore


class TestKeyStoreInAFile(KeyStoreContract):
    @pytest.fixture
    @override
    def open_store(self, folder: Path) -> Iterator[OpenStore]:
        opened: list[KeyStore] = []

        def open_it(master_key: bytes | None = None, sealers: int = SEALERS) -> KeyStore:
            opened.append(KeyStore.open(folder, master_key, sealers=sealers))
            return opened[-1]

        yield open_it
        for store in opened:
            store.close()


@pytest.mark.parametrize("stored", [b"", b"\x95\x01\xa1\xff", b"\x90", b"?" * 40])
def test_a_name_that_is_damaged_is_told_from_one_that_is_not_there(tmp_path: Path, stored: bytes) -> None:
    with closing(KeyStore.open(tmp_path, bytes(32))) as keys:
        keys.enrol_tenant("demo")
        pseudonym = keys.enrol("demo", "ada")
        (file,) = (path for path in tmp_path.iterdir() if path.suffix in {".db", ".sqlite"})
        with sqlite3.connect(file) as connection:
            connection.execute("UPDATE people SET sealed_name = ? WHERE pseudonym = ?", (stored, pseudonym))
        connection.close()
        with pytest.raises(TamperedError, match="not what was sealed"):
            keys.name("demo", pseudonym)
