"""A commit row, or a row of the index, that is damaged where its checksum is not asked is named, and is no crash."""

from __future__ import annotations

from contextlib import suppress

import msgspec
import pytest
from kinelog.journal.commit_row import pack, runs_of
from kinelog.journal.errors import CorruptError

from tests.journal.stored_events import person_in, some
from tests.registry.damage import every_change

ENTITY = "/".join(person_in(0, 4))
ROW, _ = pack(0, 0, 1, bytes(16), some(ENTITY, 3))


def test_no_change_of_the_events_is_a_crash() -> None:
    def is_seen(damaged: bytes) -> None:
        row = msgspec.structs.replace(ROW, body=damaged)
        assert not row.intact()
        with suppress(CorruptError):
            assert len(row.decoded()) == 3

    every_change(ROW.body, range(0, len(ROW.body), 7), is_seen)


def test_no_change_of_the_directory_is_a_crash() -> None:
    def is_seen(damaged: bytes) -> None:
        with suppress(CorruptError):
            runs_of(damaged, "the row")

    every_change(ROW.directory, range(len(ROW.directory)), is_seen)


def test_a_name_that_is_no_text_is_called_damage() -> None:
    broken = ROW.directory.replace(b"demo", b"de\xff\xff")
    assert broken != ROW.directory
    with pytest.raises(CorruptError, match="the row"):
        runs_of(broken, "the row")
    with pytest.raises(CorruptError, match="do not decode"):
        msgspec.structs.replace(ROW, body=ROW.body.replace(b"demo", b"de\xff\xff")).decoded()
