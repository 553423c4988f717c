"""The journal in memory keeps the contract."""

from __future__ import annotations

import pytest
from kinelog.journal.memory_journal import MemoryJournal
from typing_extensions import override

from tests.journal.contract import JournalContract, NewStore


class TestMemoryJournal(JournalContract):
    @pytest.fixture
    @override
    def new_store(self) -> NewStore:
        return MemoryStore


class MemoryStore:
    """Opens the same journal each time, since it lives in its object."""

    def __init__(self) -> None:
        self._journal = MemoryJournal()

    def __call__(self) -> MemoryJournal:
        return self._journal
