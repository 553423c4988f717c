"""A night holds its lease while it lives, and learns when it does not."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from kinelog.ml.lease_keeper import LeaseKeeper, LeaseLostError
from kinelog.registry.errors import LeaseHeldError, StaleLeaseError
from kinelog.registry.sqlite_model_store import SqliteModelStore


@pytest.fixture
def store(tmp_path: Path) -> SqliteModelStore:
    return SqliteModelStore(tmp_path / "models.sqlite")


def test_a_second_night_is_refused_while_the_first_works(store: SqliteModelStore) -> None:
    with (
        LeaseKeeper(store, "fit/gym", "one", wait_s=0),
        pytest.raises(LeaseHeldError, match="one holds"),
        LeaseKeeper(store, "fit/gym", "two", wait_s=0),
    ):
        pass


def test_a_night_that_ends_lets_the_next_one_in_at_once(store: SqliteModelStore) -> None:
    for name in ("one", "two"):
        with LeaseKeeper(store, "fit/gym", name, wait_s=0) as keeper:
            assert keeper.lease.holder == name


def test_the_lease_is_renewed_for_as_long_as_the_night_works(store: SqliteModelStore) -> None:
    with LeaseKeeper(store, "fit/gym", "one", wait_s=0, ttl_s=0.3) as keeper:
        first = keeper.lease
        deadline = time.monotonic() + 20
        while keeper.lease.until_ms <= first.until_ms + 600:
            assert time.monotonic() < deadline, "never renewed"
            threading.Event().wait(0.05)
        assert keeper.lease.token == first.token


def test_a_night_that_was_killed_is_waited_for_and_can_write_nothing_more(store: SqliteModelStore) -> None:
    dead = store.acquire_lease("fit/gym", "killed", 0.5)
    with LeaseKeeper(store, "fit/gym", "next", wait_s=20) as keeper:
        assert keeper.lease.token > dead.token
        with pytest.raises(StaleLeaseError):
            store.save_run("run", b"{}", lease=dead)
        store.save_run("run", b"{}", lease=keeper.lease)


def test_a_night_that_was_taken_over_is_told(store: SqliteModelStore) -> None:
    with LeaseKeeper(store, "fit/gym", "slow", wait_s=0, ttl_s=0.3) as keeper:
        store.acquire_lease("fit/gym", "impatient", 60, take_over=True)
        deadline = time.monotonic() + 20
        with pytest.raises(LeaseLostError):  # noqa: PT012 - whichever reading sees it
            while True:
                assert keeper.lease
                assert time.monotonic() < deadline, "never told"
                threading.Event().wait(0.05)
    assert store.lease("fit/gym") is not None
