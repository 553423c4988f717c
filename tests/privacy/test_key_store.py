"""The key store in a file keeps the contract."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
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
