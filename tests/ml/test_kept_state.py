"""What nights hand on is read as it was written, or not at all; what earlier versions wrote without a hash is read."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest
from kinelog.ml.clusters import ClusterTable
from kinelog.ml.confirmation import SessionKey, first_state, state_bytes, state_of
from kinelog.ml.kept_state import DamagedStateError, StateFormatError, checked, kept_in, with_hash
from kinelog.ml.population import population_bytes, population_of
from kinelog.ml.run_record import record_of, stored_record
from kinelog.registry.sqlite_model_store import SqliteModelStore

from tests.ml.test_population import made_population
from tests.ml.test_run_record import made_record
from tests.registry.damage import every_change

TABLE = ClusterTable(("all", "f", "f-30s"))
STATE = first_state(SessionKey("p", f"s{number}") for number in range(12))


def night_state_of(data: bytes) -> object:
    """As `night_state.py` reads what surrounds a state, and the state in it."""
    return state_of(checked(data))


class Kept(NamedTuple):
    stored: bytes
    read: Callable[[bytes], object]
    value: object


PIECES = {
    "population": Kept(population_bytes(made_population()), population_of, made_population()),
    "record": Kept(stored_record(made_record()), record_of, made_record()),
    "clusters": Kept(TABLE.to_bytes(), ClusterTable.from_bytes, TABLE),
    "confirmation": Kept(with_hash(state_bytes(STATE)), night_state_of, STATE),
}


@pytest.mark.parametrize("piece", PIECES.values(), ids=PIECES)
def test_any_change_is_seen_and_named(piece: Kept) -> None:
    whole = piece.stored
    assert piece.read(whole) == piece.value

    def is_seen(damaged: bytes) -> None:
        with suppress(StateFormatError):
            # Else it is the name of the member that holds the hash: what that is of has not changed.
            assert piece.read(damaged) == piece.value

    every_change(whole, range(len(whole) - 80, len(whole)), is_seen, examples=200)


@pytest.mark.parametrize("piece", PIECES.values(), ids=PIECES)
def test_what_an_earlier_version_wrote_is_read(piece: Kept) -> None:
    earlier = checked(piece.stored)
    assert earlier != piece.stored
    assert piece.read(earlier) == piece.value


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 20_000, b'{"name":"\xff"}', b'{"schema":"\xed\xa0\x80"}'])
@pytest.mark.parametrize("piece", PIECES.values(), ids=PIECES)
def test_bytes_of_any_kind_are_refused_in_words(piece: Kept, data: bytes) -> None:
    with pytest.raises(StateFormatError):
        piece.read(data)


def test_who_meets_one_is_told_where_it_is_and_what_to_do(tmp_path: Path) -> None:
    with (
        SqliteModelStore(tmp_path / "models.sqlite") as store,
        pytest.raises(DamagedStateError) as told,
        kept_in(store, "the population of gym/all/chest"),
    ):
        population_of(b"{}")
    for said in (str(tmp_path / "models.sqlite"), "gym/all/chest", "backup"):
        assert said in str(told.value)
