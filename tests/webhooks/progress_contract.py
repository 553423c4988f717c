"""What every store of progress promises."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from kinelog.webhooks.progress import Progress, begun, told
from kinelog.webhooks.progress_store import ProgressStore

NOW = 1_700_000_000_000
Open = Callable[[str], ProgressStore]
"""Opens a store again, as another process would, for an incarnation of the log."""


class ProgressContract:
    """Inherited by a test of each adapter, which provides `open_store`."""

    @pytest.fixture
    def store(self, open_store: Open) -> ProgressStore:
        return open_store("log-1")

    def test_a_new_store_knows_nothing(self, store: ProgressStore) -> None:
        assert (store.announced(), store.tenants(), store.progress("acme")) == (0, [], None)

    def test_a_position_outlives_its_process(self, store: ProgressStore, open_store: Open) -> None:
        store.save_announced(17)
        assert open_store("log-1").announced() == 17

    def test_a_tenant_is_added_once(self, store: ProgressStore, open_store: Open) -> None:
        store.add("acme")
        moved = store.save(told(begun(Progress(tenant="acme"), NOW), 3, 200))
        assert moved is not None
        store.add("acme")
        other = open_store("log-1")
        other.add("bolt")
        assert store.tenants() == ["acme", "bolt"]
        assert other.progress("acme") == moved

    def test_everything_that_is_saved_is_read_again(self, store: ProgressStore, open_store: Open) -> None:
        store.add("acme")
        told_of = Progress(
            tenant="acme", sent=1 << 40, attempts=3, due_at_ms=NOW + 1, delivered=9, tried_at_ms=NOW, status=503,
            error="answered 503: später",
        )  # fmt: skip
        saved = store.save(told_of)
        assert saved == msgspec.structs.replace(told_of, revision=1)
        assert open_store("log-1").progress("acme") == saved

    def test_whoever_did_not_see_the_newest_saves_nothing(self, store: ProgressStore, open_store: Open) -> None:
        store.add("acme")
        seen, also_seen = store.progress("acme"), open_store("log-1").progress("acme")
        assert seen is not None
        assert also_seen is not None
        first = store.save(begun(seen, NOW))
        assert first is not None
        assert open_store("log-1").save(begun(also_seen, NOW)) is None
        assert store.progress("acme") == first

    def test_of_many_who_claim_one_message_one_gets_it(self, store: ProgressStore) -> None:
        store.add("acme")
        seen = store.progress("acme")
        assert seen is not None
        with ThreadPoolExecutor(8) as threads:
            claims = list(threads.map(lambda number: store.save(begun(seen, NOW + number)), range(8)))
        assert sum(claim is not None for claim in claims) == 1

    def test_nobody_is_saved_who_was_not_added(self, store: ProgressStore) -> None:
        assert store.save(Progress(tenant="acme")) is None
        assert store.tenants() == []

    def test_another_incarnation_of_the_log_begins_anew(self, store: ProgressStore, open_store: Open) -> None:
        store.save_announced(17)
        store.add("acme")
        store.close()
        restored = open_store("log-2")
        assert (restored.announced(), restored.tenants()) == (0, [])
