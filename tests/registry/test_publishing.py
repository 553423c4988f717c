"""Publishing, promoting and rolling back: always a newer version, always signed anew, never half a model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinelog.registry.checking import check_manifest
from kinelog.registry.errors import (
    LabelError,
    LayoutError,
    NoModelError,
    StaleLeaseError,
    UntrustedKeyError,
    VersionConflictError,
)
from kinelog.registry.manifest import read_manifest
from kinelog.registry.publishing import keep_challenger, promote, publish_model, rollback
from kinelog.registry.records import Published
from kinelog.registry.sqlite_model_store import SqliteModelStore
from kinelog.registry.store import ModelStore

from tests.registry.made_publications import KEY, OTHER_KEY, SCOPE, Clock, blob_of, draft


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[ModelStore]:
    with SqliteModelStore(tmp_path / "registry.sqlite", clock_ms=clock) as opened:
        yield opened


def publish(store: ModelStore, seed: int) -> Published:
    return publish_model(store, KEY, SCOPE, draft(), blob_of(seed))


def test_what_is_published_is_what_a_phone_believes(store: ModelStore) -> None:
    done = publish(store, 1)
    assert store.champion(SCOPE) == done
    checked = check_manifest(done.manifest, done.signature, store.keys(), store.blob(done.blob))
    assert (checked.manifest.version, checked.manifest.previous, checked.manifest.restores) == (1, None, None)
    assert checked.manifest.metrics == draft().metrics
    second = publish(store, 2)
    manifest = read_manifest(second.manifest)
    assert (manifest.version, manifest.previous, second.version) == (2, 1, 2)


def test_publishing_what_is_the_champion_already_changes_nothing(store: ModelStore) -> None:
    first = publish(store, 1)
    assert publish(store, 1) == first
    assert len(store.publications()) == 1
    again = publish_model(store, KEY, SCOPE, draft(accuracy=0.6), blob_of(1))
    assert again.version == 2, "other words are another publication"


def test_a_model_that_was_compared_with_another_champion_is_not_published(store: ModelStore) -> None:
    first = publish_model(store, KEY, SCOPE, draft(), blob_of(1), compared_with=0)
    publish(store, 2)
    for seen in (0, first.version):
        with pytest.raises(VersionConflictError):
            publish_model(store, KEY, SCOPE, draft(), blob_of(3), compared_with=seen)
    assert publish_model(store, KEY, SCOPE, draft(), blob_of(3), compared_with=2).version == 3


def test_what_a_phone_would_refuse_is_not_published(store: ModelStore) -> None:
    broken = bytearray(blob_of())
    broken[-1] ^= 0x40
    with pytest.raises(LayoutError):
        publish_model(store, KEY, SCOPE, draft(), blob_of()[:-1])
    with pytest.raises(LabelError):
        publish_model(store, KEY, SCOPE, msgspec.structs.replace(draft(), labels=("a", "b")), blob_of())
    with pytest.raises(LabelError):
        publish_model(store, KEY, SCOPE, msgspec.structs.replace(draft(), labels=("a", "b", "a")), blob_of())
    with pytest.raises(LayoutError):
        publish_model(store, KEY, SCOPE, draft(), blob_of(sites=2))
    assert store.publications() == []
    assert store.keys() == []


def test_a_key_that_the_store_does_not_trust_publishes_nothing(store: ModelStore) -> None:
    publish(store, 1)
    with pytest.raises(UntrustedKeyError, match=OTHER_KEY.key_id):
        publish_model(store, OTHER_KEY, SCOPE, draft(), blob_of(2))
    store.add_key(KEY.endorse(OTHER_KEY.public))
    assert publish_model(store, OTHER_KEY, SCOPE, draft(), blob_of(2)).signature.key_id == OTHER_KEY.key_id


def test_a_run_without_the_lease_publishes_nothing(store: ModelStore, clock: Clock) -> None:
    lease = store.acquire_lease("fit", "one", 60)
    clock.pass_s(61)
    store.acquire_lease("fit", "two", 60)
    with pytest.raises(StaleLeaseError):
        publish_model(store, KEY, SCOPE, draft(), blob_of(1), lease=lease)
    with pytest.raises(StaleLeaseError):
        keep_challenger(store, SCOPE, draft(), blob_of(1), lease=lease)
    assert store.publications() == []


# ── the challenger ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_challenger_is_promoted_with_the_words_it_was_kept_with(store: ModelStore) -> None:
    first = publish(store, 1)
    keep_challenger(store, SCOPE, draft(accuracy=0.9), blob_of(2))
    assert store.champion(SCOPE) == first
    done = promote(store, KEY, SCOPE)
    assert (done.version, store.blob(done.blob)) == (2, blob_of(2))
    assert read_manifest(done.manifest).metrics["accuracy"] == 0.9
    assert promote(store, KEY, SCOPE) == done


def test_without_a_challenger_nothing_is_promoted(store: ModelStore) -> None:
    with pytest.raises(NoModelError, match="no challenger"):
        promote(store, KEY, SCOPE)


def test_what_could_not_be_published_is_not_kept_as_a_challenger(store: ModelStore) -> None:
    with pytest.raises(LayoutError):
        keep_challenger(store, SCOPE, draft(), b"no blob")
    assert store.challenger(SCOPE) is None


# ── going back ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_each_rollback_goes_back_further_under_a_higher_version(store: ModelStore) -> None:
    for seed in (1, 2, 3):
        publish(store, seed)
    second, first = rollback(store, KEY, SCOPE), rollback(store, KEY, SCOPE)
    assert (second.version, second.origin, store.blob(second.blob)) == (4, 2, blob_of(2))
    assert (first.version, first.origin, store.blob(first.blob)) == (5, 1, blob_of(1))
    manifest = read_manifest(first.manifest)
    assert (manifest.version, manifest.previous, manifest.restores) == (5, 4, 1)
    check_manifest(first.manifest, first.signature, store.keys(), store.blob(first.blob))
    assert store.previous(SCOPE) is None
    with pytest.raises(NoModelError, match="no older model"):
        rollback(store, KEY, SCOPE)


def test_a_rollback_behind_a_model_that_followed_a_rollback_brings_back_what_was_served_then(
    store: ModelStore,
) -> None:
    publish(store, 1)
    publish(store, 2)
    rollback(store, KEY, SCOPE)
    publish(store, 4)
    back = rollback(store, KEY, SCOPE)
    assert (back.version, back.origin, store.blob(back.blob)) == (5, 1, blob_of(1))


def test_a_named_version_is_brought_back_from_anywhere_and_only_once(store: ModelStore) -> None:
    for seed in (1, 2, 3):
        publish(store, seed)
    rollback(store, KEY, SCOPE)
    forward = rollback(store, KEY, SCOPE, to=3)
    assert (forward.version, forward.origin, store.blob(forward.blob)) == (5, 3, blob_of(3))
    assert rollback(store, KEY, SCOPE, to=3) == forward
    assert rollback(store, KEY, SCOPE, to=5) == forward
    assert rollback(store, KEY, SCOPE, to=4).origin == 2
    with pytest.raises(NoModelError, match="version 9"):
        rollback(store, KEY, SCOPE, to=9)


def test_under_another_key_the_champion_itself_is_signed_anew(store: ModelStore) -> None:
    first = publish(store, 1)
    store.add_key(KEY.endorse(OTHER_KEY.public))
    anew = rollback(store, OTHER_KEY, SCOPE, to=1)
    assert (anew.version, anew.origin, anew.blob) == (2, 1, first.blob)
    store.retire_key(KEY.key_id)
    check_manifest(anew.manifest, anew.signature, store.keys(), store.blob(anew.blob))


def test_where_nothing_was_published_nothing_is_brought_back(store: ModelStore) -> None:
    for to in (None, 1):
        with pytest.raises(NoModelError):
            rollback(store, KEY, SCOPE, to=to)


@settings(max_examples=25, deadline=None)
@given(steps=st.lists(st.sampled_from(["publish", "roll back", "go to"]), min_size=1, max_size=10), data=st.data())
def test_whatever_was_done_rollbacks_walk_back_through_the_models_in_the_order_in_which_they_first_came(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str], data: st.DataObject
) -> None:
    with SqliteModelStore(tmp_path_factory.mktemp("models") / "registry.sqlite") as store:
        before: dict[int, int | None] = {}  # first version of a model → first version of the one served before it
        origins: list[int] = []
        for number, step in enumerate(steps):
            version = len(origins) + 1
            if step == "publish" or not origins:
                done = publish_model(store, KEY, SCOPE, draft(accuracy=number), blob_of(number % 4))
                before[version] = origins[-1] if origins else None
                expected = version
            elif step == "roll back":
                wanted = before[origins[-1]]
                if wanted is None:
                    with pytest.raises(NoModelError):
                        rollback(store, KEY, SCOPE)
                    continue
                done, expected = rollback(store, KEY, SCOPE), wanted
            else:
                to = data.draw(st.integers(1, len(origins)))
                expected = origins[to - 1]
                done = rollback(store, KEY, SCOPE, to=to)
                if expected == origins[-1]:
                    assert done.version == len(origins)
                    continue
            origins.append(expected)
            assert (done.version, done.origin) == (version, expected)
            assert done.blob == store.version(SCOPE, expected).blob  # type: ignore[union-attr]  # it was published
