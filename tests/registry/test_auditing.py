"""An audit finds what was changed behind the store's back, and names it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kinelog.registry.auditing import Audited, audit, held_ready, signed_by
from kinelog.registry.publishing import keep_challenger, publish_model, rollback
from kinelog.registry.sqlite_model_store import SqliteModelStore

from tests.registry.made_publications import KEY, OTHER_KEY, OTHER_SCOPE, SCOPE, blob_of, draft


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteModelStore]:
    """Three versions of one scope, the third of them the first model again, and one of another."""
    with SqliteModelStore(tmp_path / "registry.sqlite") as opened:
        publish_model(opened, KEY, SCOPE, draft(), blob_of(1))
        publish_model(opened, KEY, SCOPE, draft(), blob_of(2))
        rollback(opened, KEY, SCOPE)
        publish_model(opened, KEY, OTHER_SCOPE, draft(), blob_of(1, 2))
        yield opened


def change(store: SqliteModelStore, sql: str, *values: object) -> None:
    store._connection.execute("PRAGMA foreign_keys = OFF")
    assert store._connection.execute(sql, values).rowcount > 0


def faults(store: SqliteModelStore) -> dict[int, str]:
    return {each.version: each.fault for each in audit(store, [SCOPE]) if each.fault is not None}


def test_what_was_published_well_is_found_well(store: SqliteModelStore) -> None:
    assert list(audit(store, store.scopes())) == [
        Audited(OTHER_SCOPE, 1, None),
        *(Audited(SCOPE, version, None) for version in (1, 2, 3)),
    ]
    assert list(audit(store, [SCOPE], champions=True)) == [Audited(SCOPE, 3, None)]
    assert list(audit(store, [SCOPE], keys=[KEY.public], champions=True)) == [Audited(SCOPE, 3, None)]


def test_a_key_that_was_slipped_into_the_store_does_not_help_who_names_the_keys(store: SqliteModelStore) -> None:
    store.add_key(OTHER_KEY.public)
    publish_model(store, OTHER_KEY, SCOPE, draft(), blob_of(3))
    assert faults(store) == {}
    (found,) = audit(store, [SCOPE], keys=[KEY.public], champions=True)
    assert found.version == 4
    assert found.fault is not None
    assert found.fault.startswith("signature: ")


def test_a_changed_blob_is_named_with_every_version_that_needs_it(store: SqliteModelStore) -> None:
    first = store.version(SCOPE, 1)
    assert first is not None
    change(store, "UPDATE blobs SET data = x'00' WHERE sha256 = ?", first.blob)
    assert set(faults(store)) == {1, 3}
    assert faults(store)[1].startswith("damaged blob: ")
    change(store, "DELETE FROM blobs WHERE sha256 = ?", first.blob)
    assert faults(store)[3].startswith("unknown blob: ")


def test_a_changed_manifest_is_named(store: SqliteModelStore) -> None:
    change(
        store,
        "UPDATE publications SET manifest = CAST(replace(CAST(manifest AS TEXT), '0.5', '0.9') AS BLOB)"
        " WHERE version = 2",
    )
    assert list(faults(store)) == [2]
    assert faults(store)[2].startswith("signature: ")


def test_a_manifest_that_was_signed_for_another_place_is_named(store: SqliteModelStore) -> None:
    change(
        store,
        "UPDATE publications SET (manifest, signature) ="
        " (SELECT manifest, signature FROM publications WHERE version = 2) WHERE cluster = 'f-30s' AND version = 1",
    )
    assert faults(store)[1].startswith("hash: ")


def test_a_version_that_is_gone_is_named(store: SqliteModelStore) -> None:
    change(store, "DELETE FROM publications WHERE version = 2")
    assert faults(store) == {3: "previous: follows version 2, the store has 1 before it"}


def test_a_version_that_claims_to_bring_another_one_back_is_named(store: SqliteModelStore) -> None:
    change(store, "UPDATE publications SET origin = 2 WHERE version = 3")
    assert faults(store)[3].startswith("origin: 2, its manifest says 1")


def test_a_version_that_was_published_before_the_one_it_follows_is_named(store: SqliteModelStore) -> None:
    change(store, "UPDATE publications SET number = 9 WHERE version = 2")
    assert faults(store) == {3: "number: 3, version 2 before it has 9"}


def test_what_a_rollback_and_a_promotion_would_bring_is_looked_at(store: SqliteModelStore) -> None:
    assert list(held_ready(store, SCOPE)) == []
    rollback(store, KEY, SCOPE, to=2)
    kept = keep_challenger(store, SCOPE, draft(), blob_of(3))
    assert list(held_ready(store, SCOPE)) == [Audited(SCOPE, 1, None), Audited(SCOPE, 0, None)]
    change(store, "UPDATE blobs SET data = x'00' WHERE sha256 = ?", kept.blob)
    first = store.version(SCOPE, 1)
    assert first is not None
    change(store, "DELETE FROM blobs WHERE sha256 = ?", first.blob)
    assert [(version, str(fault).split(":")[0]) for _, version, fault in held_ready(store, SCOPE)] == [
        (1, "unknown blob"),
        (0, "damaged blob"),
    ]
    assert [each.fault for each in audit(store, [SCOPE], champions=True)] == [None]


def test_champions_of_a_key_are_found(store: SqliteModelStore) -> None:
    store.add_key(OTHER_KEY.public)
    rollback(store, OTHER_KEY, SCOPE, to=2)
    assert signed_by(store, KEY.key_id) == [OTHER_SCOPE]
    assert signed_by(store, OTHER_KEY.key_id) == [SCOPE]
    store.retire_key(KEY.key_id)
    assert set(faults(store)) == {1, 2, 3}
