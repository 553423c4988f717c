"""Manifests have one form, say only what JSON can say, and name what is wrong with them."""

from __future__ import annotations

import json
import math
from functools import cache

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinelog.registry.errors import ManifestError, ScopeError, SizeError
from kinelog.registry.manifest import (
    MANIFEST_BYTES,
    Manifest,
    draft_bytes,
    manifest_bytes,
    read_draft,
    read_manifest,
)
from kinelog.registry.publishing import manifest_of
from kinelog.registry.scope import Scope

from tests.registry.made_publications import CREATED, SCOPE, blob_of, draft


@cache
def made() -> Manifest:
    return manifest_of(draft(), SCOPE, blob_of(), None, CREATED)


def test_a_manifest_is_sorted_json_without_white_space_that_any_reader_reads() -> None:
    encoded = manifest_bytes(made())
    said = json.loads(encoded)
    assert encoded == json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert said["schema"] == "kinelog.model/1"
    assert said["sensors"] == ["left-wrist"]
    assert said["layers"] == [{"activation": "relu", "dense": 2}, {"activation": "softmax", "dense": 5}]
    assert said["created"] == "2026-01-02T03:04:05Z"
    assert len(said["test_vectors"][0]["input"]) == 150


def test_what_is_read_is_written_again_byte_for_byte() -> None:
    encoded = manifest_bytes(made())
    assert read_manifest(encoded) == made()
    assert manifest_bytes(read_manifest(encoded)) == encoded


@given(
    st.dictionaries(
        st.text(max_size=8),
        st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53) | st.text(max_size=20),
        max_size=5,
    )
)
def test_metrics_come_back_as_they_were(metrics: dict[str, float | int | str]) -> None:
    manifest = msgspec.structs.replace(made(), metrics=metrics)
    encoded = manifest_bytes(manifest)
    assert read_manifest(encoded).metrics == metrics
    assert manifest_bytes(read_manifest(encoded)) == encoded
    said = msgspec.structs.replace(draft(), metrics=metrics)
    assert read_draft(draft_bytes(said)) == said


@pytest.mark.parametrize("figure", [math.nan, math.inf, -math.inf])
def test_what_json_cannot_say_is_refused(figure: float) -> None:
    with pytest.raises(ManifestError, match=r"metrics\.f1"):
        manifest_bytes(msgspec.structs.replace(made(), metrics={"f1": figure}))
    with pytest.raises(ManifestError, match=r"metrics\.f1"):
        draft_bytes(msgspec.structs.replace(draft(), metrics={"f1": figure}))
    with pytest.raises(ManifestError, match="temperature"):
        manifest_bytes(msgspec.structs.replace(made(), temperature=figure))


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (["schema"], "kinelog.model/2", "schema"),
        (["version"], 0, "version"),
        (["version"], "1", "version"),
        (["input", "rate_hz"], 50.5, "input.rate_hz"),
        (["input", "layout"], "channel-major", "input.layout"),
        (["weights", "sha256"], "00", "weights.sha256"),
        (["weights", "bytes"], 49_153, "weights.bytes"),
        (["labels"], [""], "labels[0]"),
        (["sensors"], ["chest", "left-wrist"], "sensors"),
        (["sensors"], ["left-ear"], "sensors"),
        (["sensors"], [], "sensors"),
        (["tenant"], "Demo", "tenant"),
        (["cluster"], "a/b", "cluster"),
        (["surprise"], 1, "manifest"),
    ],
)
def test_a_wrong_field_is_named(path: list[str], value: object, field: str) -> None:
    said = json.loads(manifest_bytes(made()))
    place = said
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    with pytest.raises(ManifestError) as refused:
        read_manifest(json.dumps(said).encode())
    assert refused.value.field == field


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff\xfe", b"null", b"[" * 200_000, b'{"version": 1e400}'])
def test_bytes_that_are_no_manifest_are_refused(data: bytes) -> None:
    with pytest.raises(ManifestError):
        read_manifest(data)


def test_a_manifest_has_a_largest_size() -> None:
    with pytest.raises(SizeError, match="262145 bytes"):
        read_manifest(b" " * (MANIFEST_BYTES + 1))
    with pytest.raises(SizeError):
        manifest_bytes(msgspec.structs.replace(made(), dataset="x" * MANIFEST_BYTES))


# ── scopes ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_scope_is_named_by_its_path() -> None:
    scope = Scope("demo", "f-30s", ("left-wrist", "chest"))
    assert scope.path == "demo/f-30s/left-wrist+chest"
    assert Scope.parse(scope.path) == scope


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("demo/all", "scope"),
        ("demo/all/left-wrist/x", "scope"),
        ("Demo/all/left-wrist", "tenant"),
        ("demo//left-wrist", "cluster"),
        (f"demo/{'c' * 49}/left-wrist", "cluster"),
        ("demo/all/", "sensors"),
        ("demo/all/left-wrist+left-wrist", "sensors"),
        ("demo/all/chest+left-wrist", "sensors"),
        ("demo/all/left-wrist+", "sensors"),
    ],
)
def test_what_names_no_scope_is_refused_with_the_part_that_is_wrong(path: str, field: str) -> None:
    with pytest.raises(ScopeError) as refused:
        Scope.parse(path)
    assert refused.value.field == field
