"""What every model store has to keep, wherever it lies. An adapter's tests subclass `ModelStoreContract`."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable

import msgspec
import pytest
from kinelog.registry.auditing import audit
from kinelog.registry.errors import (
    InconsistentPublicationError,
    LeaseHeldError,
    ManifestError,
    RetiredKeyError,
    StaleLeaseError,
    TooLargeError,
    UnknownBlobError,
    VersionConflictError,
)
from kinelog.registry.manifest import BLOB_BYTES, manifest_bytes
from kinelog.registry.publishing import manifest_of, publish_model, rollback
from kinelog.registry.records import Published
from kinelog.registry.scope import Scope
from kinelog.registry.store import LIFTED, ModelStore
from kinelog.registry.write_checks import POPULATION_BYTES, RUN_BYTES

from tests.registry.made_publications import (
    CREATED,
    KEY,
    OTHER_KEY,
    OTHER_SCOPE,
    SCOPE,
    Clock,
    blob_of,
    draft,
    put,
)

EVER = 1 << 45
"""Milliseconds after every clock."""

OpenStore = Callable[[], ModelStore]
"""Opens one and the same store, as another process would."""


class ModelStoreContract:
    """The store's promises. A subclass gives `open_store`, of an empty store, whose clock is the fixture `clock`."""

    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    def open_store(self, clock: Clock) -> OpenStore:
        """Open the store, any number of times, and close it afterwards."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, open_store: OpenStore) -> ModelStore:
        return open_store()

    # ── blobs ────────────────────────────────────────────────────────────────────────────────────────────────────

    def test_a_blob_is_found_by_its_hash_by_everybody(self, open_store: OpenStore, store: ModelStore) -> None:
        data = bytes(range(256)) * 10
        sha256 = store.put_blob(data)
        assert sha256 == hashlib.sha256(data).hexdigest()
        assert store.put_blob(data) == sha256
        assert open_store().blob(sha256) == data
        assert store.blobs() == [sha256]

    def test_what_was_never_put_is_not_there(self, store: ModelStore) -> None:
        with pytest.raises(UnknownBlobError, match="sha256:00"):
            store.blob("0" * 64)

    def test_a_blob_has_a_largest_size(self, store: ModelStore) -> None:
        assert len(store.blob(store.put_blob(bytes(BLOB_BYTES)))) == BLOB_BYTES
        with pytest.raises(TooLargeError, match="49153 bytes"):
            store.put_blob(bytes(BLOB_BYTES + 1))

    def test_a_blob_is_served_to_the_tenant_whose_manifest_names_it_and_to_nobody_else(self, store: ModelStore) -> None:
        sha256 = store.put_blob(blob_of(0))
        assert not store.serves("demo", sha256)
        put(store)
        assert store.serves("demo", sha256)
        assert not store.serves("other", sha256)
        assert not store.serves("demo", store.put_blob(b"another"))

    # ── blobs that nobody needs any more ─────────────────────────────────────────────────────────────────────────

    def test_what_nothing_names_any_more_is_removed_and_all_that_is_named_stays(self, store: ModelStore) -> None:
        first = put(store, seed=1)
        put(store, seed=2, after=first)
        challenger, kept, old = (store.put_blob(blob_of(seed)) for seed in (3, 4, 5))
        store.set_challenger(SCOPE, b"{}", challenger)
        store.save_population(SCOPE, f'{{"members":["{old}"]}}'.encode())
        store.save_population(SCOPE, f'{{"members":[{{"blob":"{kept}"}}]}}'.encode())
        assert store.unnamed_blobs(EVER) == [old]
        assert store.remove_unnamed_blobs(EVER) == [old]
        assert store.remove_unnamed_blobs(EVER) == []
        assert set(store.blobs()) == {hashlib.sha256(blob_of(seed)).hexdigest() for seed in (1, 2, 3, 4)}
        assert [each.fault for each in audit(store, [SCOPE], keys=[KEY.public])] == [None, None]
        with pytest.raises(UnknownBlobError):
            store.blob(old)

    def test_what_was_put_a_moment_ago_stays_whoever_is_about_to_name_it(self, store: ModelStore) -> None:
        sha256 = store.put_blob(blob_of(1))
        assert store.unnamed_blobs(put_before_ms=0) == []
        assert store.remove_unnamed_blobs(put_before_ms=0) == []
        assert store.blob(sha256) == blob_of(1)

    def test_what_is_published_between_a_look_and_the_removal_stays(
        self, open_store: OpenStore, store: ModelStore
    ) -> None:
        sha256 = store.put_blob(blob_of(1))
        assert store.unnamed_blobs(EVER) == [sha256]
        published = put(open_store(), seed=1)
        assert store.remove_unnamed_blobs(EVER) == []
        assert store.blob(published.blob) == blob_of(1)

    def test_what_was_removed_is_published_by_who_puts_it_again_and_refused_to_who_does_not(
        self, store: ModelStore
    ) -> None:
        manifest = manifest_bytes(manifest_of(draft(), SCOPE, blob_of(1), None, CREATED))
        sha256 = store.put_blob(blob_of(1))
        assert store.remove_unnamed_blobs(EVER) == [sha256]
        with pytest.raises(UnknownBlobError, match="put it first"):
            store.publish(SCOPE, manifest, KEY.sign(manifest), sha256, expected=None)
        with pytest.raises(UnknownBlobError, match="put it first"):
            store.set_challenger(SCOPE, b"{}", sha256)
        assert store.champion(SCOPE) is None
        assert put(store, seed=1).blob == sha256
        assert store.blob(sha256) == blob_of(1)

    def test_only_who_holds_the_lease_removes_anything(self, store: ModelStore) -> None:
        sha256 = store.put_blob(blob_of(1))
        lease = store.acquire_lease("fit", "one", 60)
        newer = store.acquire_lease("fit", "two", 60, take_over=True)
        with pytest.raises(StaleLeaseError):
            store.remove_unnamed_blobs(EVER, lease=lease)
        assert store.blobs() == [sha256]
        assert store.remove_unnamed_blobs(EVER, lease=newer) == [sha256]

    # ── publications ─────────────────────────────────────────────────────────────────────────────────────────────

    def test_the_newest_version_is_the_champion_and_every_version_stays_as_it_was(
        self, open_store: OpenStore, store: ModelStore, clock: Clock
    ) -> None:
        assert store.champion(SCOPE) is None
        assert store.version(SCOPE, 1) is None
        first = put(store, seed=1)
        clock.pass_s(60)
        second = put(store, seed=2, after=first)
        elsewhere = open_store()
        assert elsewhere.champion(SCOPE) == second
        assert elsewhere.version(SCOPE, 1) == first
        assert elsewhere.version(SCOPE, 2) == second
        assert elsewhere.version(SCOPE, 3) is None
        assert (first.version, second.version, second.origin) == (1, 2, 2)
        assert second.at_ms - first.at_ms == 60_000
        assert second.signature == KEY.sign(second.manifest)

    def test_a_publication_on_a_version_that_is_not_the_newest_is_refused(self, store: ModelStore) -> None:
        first = put(store, seed=1)
        second = put(store, seed=2, after=first)
        with pytest.raises(VersionConflictError) as late:
            put(store, seed=3, after=first)
        assert (late.value.expected, late.value.found) == (1, 2)
        with pytest.raises(VersionConflictError):
            put(store, seed=3)
        with pytest.raises(VersionConflictError):
            put(store, seed=3, after=second._replace(version=7))
        assert store.champion(SCOPE) == second

    def test_a_publication_that_is_repeated_is_answered_as_the_first_time(
        self, store: ModelStore, clock: Clock
    ) -> None:
        first = put(store, seed=1)
        clock.pass_s(1)
        assert put(store, seed=1) == first
        put(store, seed=2, after=first)
        assert put(store, seed=1) == first
        assert len(store.publications()) == 2

    def test_a_publication_needs_its_blob(self, store: ModelStore) -> None:
        manifest = manifest_bytes(manifest_of(draft(), SCOPE, blob_of(9), None, CREATED))
        with pytest.raises(UnknownBlobError, match="put it first"):
            store.publish(SCOPE, manifest, KEY.sign(manifest), hashlib.sha256(blob_of(9)).hexdigest(), expected=None)
        assert store.champion(SCOPE) is None
        assert store.publications() == []

    def test_a_manifest_that_says_something_else_than_its_publication_is_refused(self, store: ModelStore) -> None:
        sha256, other = store.put_blob(blob_of(0)), store.put_blob(blob_of(1))
        manifest = manifest_bytes(manifest_of(draft(), SCOPE, blob_of(0), None, CREATED))
        signature = KEY.sign(manifest)
        for scope, blob, expected, field in (
            (Scope("demo", "m-30s", ("left-wrist",)), sha256, None, "scope"),
            (SCOPE, other, None, "weights.sha256"),
            (SCOPE, sha256, 3, "previous"),
        ):
            with pytest.raises(InconsistentPublicationError, match=field):
                store.publish(scope, manifest, signature, blob, expected=expected)
        with pytest.raises(ManifestError):
            store.publish(SCOPE, b"{}", signature, sha256, expected=None)
        said = manifest_of(draft(), SCOPE, blob_of(0), None, CREATED)
        for change, field in (
            ({"version": 3, "previous": 3}, "cannot follow"),
            ({"version": 3, "restores": 3}, "cannot bring version 3 back"),
        ):
            manifest = manifest_bytes(msgspec.structs.replace(said, **change))
            with pytest.raises(InconsistentPublicationError, match=field):
                store.publish(SCOPE, manifest, KEY.sign(manifest), sha256, expected=change.get("previous"))
        assert store.publications() == []

    def test_of_many_publishers_of_one_version_exactly_one_wins(self, open_store: OpenStore) -> None:
        stores = [open_store() for _ in range(4)]
        outcomes: list[Published | None] = []

        def publish(number: int) -> None:
            try:
                outcomes.append(put(stores[number], seed=number))
            except VersionConflictError:
                outcomes.append(None)

        threads = [threading.Thread(target=publish, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        winners = [outcome for outcome in outcomes if outcome is not None]
        assert len(outcomes) == 4
        assert len(winners) == 1
        assert stores[0].champion(SCOPE) == winners[0]

    def test_publishers_of_other_scopes_do_not_stand_in_each_others_way(self, open_store: OpenStore) -> None:
        stores = [open_store() for _ in range(3)]
        scopes = [Scope("demo", f"cluster-{number}", ("left-wrist",)) for number in range(3)]

        def publish(number: int) -> None:
            last = None
            for seed in range(3):
                last = put(stores[number], scopes[number], seed, after=last)

        threads = [threading.Thread(target=publish, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [published.number for published in stores[0].publications()] == list(range(1, 10))
        assert [stores[1].champion(scope) == stores[2].version(scope, 3) for scope in scopes] == [True] * 3

    def test_publications_are_read_in_their_order_and_none_is_missed(self, store: ModelStore) -> None:
        first = put(store, seed=1)
        other = put(store, OTHER_SCOPE, seed=1)
        second = put(store, seed=2, after=first)
        assert store.publications() == [first, other, second]
        assert store.publications(after=1, limit=1) == [other]
        assert store.publications(after=other.number) == [second]
        assert store.publications(after=second.number) == []
        third = put(store, OTHER_SCOPE, seed=2, after=other)
        assert store.publications(after=second.number) == [third]

    def test_scopes_are_listed_by_tenant(self, store: ModelStore) -> None:
        elsewhere = Scope("demo-2", "all", ("left-wrist",))
        assert store.scopes() == []
        put(store)
        put(store, OTHER_SCOPE)
        put(store, elsewhere)
        assert store.scopes("demo") == [OTHER_SCOPE, SCOPE]
        assert store.scopes("demo-2") == [elsewhere]
        assert store.scopes("dem") == []
        assert store.scopes() == [OTHER_SCOPE, SCOPE, elsewhere]

    def test_after_a_restore_versions_numbers_and_tokens_go_on_far_above_those_of_the_lost_timeline(
        self, open_store: OpenStore, store: ModelStore
    ) -> None:
        first = put(store, seed=1)
        lease = store.acquire_lease("fit", "one", 60)
        store.begin_anew()
        with pytest.raises(InconsistentPublicationError, match="comes next"):
            put(store, seed=2, after=first)
        elsewhere = open_store()
        assert elsewhere.champion(SCOPE) == first
        assert elsewhere.next_version(SCOPE) > LIFTED
        assert elsewhere.next_version(OTHER_SCOPE) > LIFTED
        second = publish_model(elsewhere, KEY, SCOPE, draft(), blob_of(2))
        assert min(second.version, second.number) > LIFTED
        assert elsewhere.publications(after=first.number) == [second]
        assert elsewhere.versions(SCOPE) == [1, second.version]
        assert elsewhere.next_version(SCOPE) == second.version + 1
        assert elsewhere.previous(SCOPE) == first
        assert rollback(elsewhere, KEY, SCOPE).origin == 1
        assert elsewhere.acquire_lease("fit", "two", 60, take_over=True).token > max(LIFTED, lease.token)
        store.begin_anew()
        assert store.next_version(SCOPE) > 2 * LIFTED
        assert all(audited.fault is None for audited in audit(store, [SCOPE]))

    # ── challengers, populations, runs, uses ─────────────────────────────────────────────────────────────────────

    def test_a_challenger_is_kept_beside_the_champion_and_not_served(
        self, open_store: OpenStore, store: ModelStore
    ) -> None:
        assert store.challenger(SCOPE) is None
        sha256 = store.put_blob(blob_of(1))
        kept = store.set_challenger(SCOPE, b"draft", sha256)
        assert open_store().challenger(SCOPE) == kept
        assert (kept.draft, kept.blob) == (b"draft", sha256)
        assert store.challenger(OTHER_SCOPE) is None
        again = store.set_challenger(SCOPE, b"another", sha256)
        assert store.challenger(SCOPE) == again
        assert store.champion(SCOPE) is None
        assert not store.serves("demo", sha256)
        with pytest.raises(UnknownBlobError):
            store.set_challenger(SCOPE, b"draft", "0" * 64)

    def test_a_population_is_what_was_last_saved(self, open_store: OpenStore, store: ModelStore) -> None:
        assert store.population(SCOPE) is None
        store.save_population(SCOPE, b"first")
        store.save_population(SCOPE, b"second")
        assert open_store().population(SCOPE) == b"second"
        assert store.population(OTHER_SCOPE) is None
        assert store.populations() == [SCOPE]
        largest = bytes(POPULATION_BYTES)
        store.save_population(OTHER_SCOPE, largest)
        assert store.population(OTHER_SCOPE) == largest
        with pytest.raises(TooLargeError, match="a population"):
            store.save_population(SCOPE, largest + b"!")

    def test_runs_are_listed_from_the_newest_and_their_records_replaced(
        self, open_store: OpenStore, store: ModelStore, clock: Clock
    ) -> None:
        started = clock.now_ms
        for number in range(3):
            store.save_run(f"run-{number}", b"begun")
            clock.pass_s(1)
        store.save_run("run-0", b"done")
        elsewhere = open_store()
        assert elsewhere.run("run-0") == b"done"
        assert elsewhere.run("run-7") is None
        assert elsewhere.runs() == [(f"run-{number}", started + 1000 * number) for number in (2, 1, 0)]
        assert elsewhere.runs(limit=1) == [("run-2", started + 2000)]
        store.save_run("largest", bytes(RUN_BYTES))
        assert store.run("largest") == bytes(RUN_BYTES)
        with pytest.raises(TooLargeError, match="a run"):
            store.save_run("larger", bytes(RUN_BYTES + 1))
        with pytest.raises(ValueError, match="no id of a run"):
            store.save_run("a/b", b"")

    def test_each_use_of_a_confirmation_set_is_counted_once(self, open_store: OpenStore, store: ModelStore) -> None:
        assert store.confirmation_uses(SCOPE, "set") == 0
        assert store.use_confirmation(SCOPE, "set", "run-1") == 1
        assert store.use_confirmation(SCOPE, "set", "run-2") == 2
        assert open_store().use_confirmation(SCOPE, "set", "run-1") == 2
        assert store.confirmation_uses(SCOPE, "set") == 2
        assert store.confirmation_uses(SCOPE, "another") == 0
        assert store.confirmation_uses(OTHER_SCOPE, "set") == 0
        assert sorted(store.all_confirmation_uses()) == [(SCOPE, "set", "run-1"), (SCOPE, "set", "run-2")]

    # ── leases ───────────────────────────────────────────────────────────────────────────────────────────────────

    def test_a_lease_has_one_holder_until_its_time_is_over(self, open_store: OpenStore, clock: Clock) -> None:
        one, two = open_store(), open_store()
        assert one.lease("fit") is None
        lease = one.acquire_lease("fit", "one", 60)
        assert (lease.holder, lease.until_ms) == ("one", clock.now_ms + 60_000)
        clock.pass_s(59.9)
        with pytest.raises(LeaseHeldError, match="one holds 'fit'") as held:
            two.acquire_lease("fit", "two", 60)
        assert (held.value.holder, held.value.until_ms) == ("one", lease.until_ms)
        clock.pass_s(0.1)
        taken = two.acquire_lease("fit", "two", 60)
        assert taken.token > lease.token
        assert one.lease("fit") == taken
        assert one.acquire_lease("another", "one", 60).name == "another"

    def test_a_lease_that_is_renewed_stays_with_its_holder(self, open_store: OpenStore, clock: Clock) -> None:
        one, two = open_store(), open_store()
        lease = one.acquire_lease("fit", "one", 60)
        clock.pass_s(50)
        renewed = one.renew(lease, 60)
        assert renewed == lease._replace(until_ms=clock.now_ms + 60_000)
        clock.pass_s(50)
        with pytest.raises(LeaseHeldError):
            two.acquire_lease("fit", "two", 60)
        clock.pass_s(50)
        assert one.renew(renewed, 60).token == lease.token, "its time was over, but nobody took it"
        with pytest.raises(LeaseHeldError):
            two.acquire_lease("fit", "two", 60)

    def test_a_released_lease_is_free_at_once_and_writes_nothing_more(self, open_store: OpenStore) -> None:
        one, two = open_store(), open_store()
        lease = one.acquire_lease("fit", "one", 60)
        one.release(lease)
        one.release(lease)
        assert one.lease("fit") is None
        with pytest.raises(StaleLeaseError, match="released"):
            one.renew(lease, 60)
        with pytest.raises(StaleLeaseError, match="released"):
            put(one, lease=lease)
        taken = two.acquire_lease("fit", "two", 60)
        one.release(lease)
        assert two.lease("fit") == taken
        assert taken.token > lease.token

    def test_a_lease_can_be_taken_from_a_holder_that_is_known_to_be_dead(self, open_store: OpenStore) -> None:
        one, two = open_store(), open_store()
        lease = one.acquire_lease("fit", "one", 60)
        taken = two.acquire_lease("fit", "two", 60, take_over=True)
        assert taken.token > lease.token
        with pytest.raises(StaleLeaseError):
            one.renew(lease, 60)

    def test_of_many_that_ask_for_a_lease_one_gets_it(self, open_store: OpenStore) -> None:
        stores = [open_store() for _ in range(4)]
        got: list[bool] = []

        def ask(number: int) -> None:
            try:
                stores[number].acquire_lease("fit", f"run {number}", 60)
                got.append(True)
            except LeaseHeldError:
                got.append(False)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(got) == [False, False, False, True]

    def test_a_run_that_wakes_after_its_lease_went_on_can_write_nothing(
        self, open_store: OpenStore, clock: Clock
    ) -> None:
        slow, quick = open_store(), open_store()
        asleep = slow.acquire_lease("fit", "slow", 60)
        first = put(slow, seed=1, lease=asleep)
        clock.pass_s(61)
        awake = quick.acquire_lease("fit", "quick", 60)
        clock.now_ms -= 61_000  # whoever wakes may have a clock that says no time has passed
        with pytest.raises(StaleLeaseError, match="went on to quick"):
            put(slow, seed=2, after=first, lease=asleep)
        with pytest.raises(StaleLeaseError):
            slow.set_challenger(SCOPE, b"draft", first.blob, lease=asleep)
        with pytest.raises(StaleLeaseError):
            slow.save_population(SCOPE, b"stale", lease=asleep)
        with pytest.raises(StaleLeaseError):
            slow.save_run("slow", b"stale", lease=asleep)
        with pytest.raises(StaleLeaseError):
            slow.renew(asleep, 60)
        assert slow.champion(SCOPE) == first
        assert slow.population(SCOPE) is None
        second = put(quick, seed=2, after=first, lease=awake)
        assert slow.champion(SCOPE) == second

    def test_a_run_whose_time_is_over_may_publish_while_nobody_took_its_lease(
        self, open_store: OpenStore, clock: Clock
    ) -> None:
        slow, quick = open_store(), open_store()
        lease = slow.acquire_lease("fit", "slow", 60)
        clock.pass_s(600)
        first = put(slow, seed=1, lease=lease)
        taken = quick.acquire_lease("fit", "quick", 60)
        assert quick.champion(SCOPE) == first
        assert put(quick, seed=2, after=first, lease=taken).version == 2

    def test_what_was_published_is_answered_though_the_lease_is_stale_by_now(self, open_store: OpenStore) -> None:
        slow, quick = open_store(), open_store()
        lease = slow.acquire_lease("fit", "slow", 60)
        first = put(slow, seed=1, lease=lease)
        quick.acquire_lease("fit", "quick", 60, take_over=True)
        assert put(slow, seed=1, lease=lease) == first

    # ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def test_keys_are_trusted_in_the_order_in_which_they_came_until_they_are_retired(
        self, open_store: OpenStore, store: ModelStore
    ) -> None:
        assert store.keys() == []
        endorsed = KEY.endorse(OTHER_KEY.public)
        store.add_key(KEY.public)
        store.add_key(OTHER_KEY.public)
        store.add_key(endorsed)
        store.add_key(KEY.public)
        assert open_store().keys() == [KEY.public, endorsed]
        store.retire_key(KEY.key_id)
        store.retire_key(KEY.key_id)
        assert open_store().keys() == [endorsed]
        assert store.retired_keys() == [KEY.public]
        with pytest.raises(RetiredKeyError, match=KEY.key_id):
            store.add_key(KEY.public)
