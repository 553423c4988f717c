"""Models of a few weights, what is said of them, and a clock that a test moves."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from kinelog.device.blob import pack_blob
from kinelog.privacy.key_store import KeyStore
from kinelog.registry.manifest import ManifestDraft, manifest_bytes
from kinelog.registry.publishing import manifest_of
from kinelog.registry.records import Lease, Published
from kinelog.registry.scope import Scope
from kinelog.registry.signing import SigningKey
from kinelog.registry.store import ModelStore
from kinelog.service.configuration import DataFolder

from tests.device.made_models import made_model

KEY = SigningKey(bytes(range(32)))
OTHER_KEY = SigningKey(bytes(range(1, 33)))
SCOPE = Scope("demo", "f-30s", ("left-wrist",))
OTHER_SCOPE = Scope("demo", "all", ("left-wrist", "chest"))
CREATED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Clock:
    """Unix milliseconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now_ms = 1_700_000_000_000

    def __call__(self) -> int:
        return self.now_ms

    def pass_s(self, seconds: float) -> None:
        self.now_ms += round(1000 * seconds)


@cache
def blob_of(seed: int = 0, sites: int = 1) -> bytes:
    """A small model of three labels; another seed, another model."""
    return pack_blob(made_model(seed=seed, sites=sites, dense=(2,)))


def draft(accuracy: float = 0.5) -> ManifestDraft:
    """What is said of a model."""
    return ManifestDraft(
        fitted_on="all",
        labels=("biceps-curl", "lat-pulldown", "unknown-thing"),
        metrics={"accuracy": accuracy, "sets": 120},
        dataset=f"sha256:{'0' * 64}",
    )


def create_tenant(data: Path, tenant: str) -> None:
    """Make a tenant's key in a data folder, as `kinelog tenant create` does before anything else."""
    with closing(KeyStore.open(DataFolder(data).keys)) as keys:
        keys.enrol_tenant(tenant)


def put(
    store: ModelStore,
    scope: Scope = SCOPE,
    seed: int = 0,
    *,
    after: Published | None = None,
    lease: Lease | None = None,
) -> Published:
    """Publish straight into the store, behind this version."""
    data = blob_of(seed, len(scope.sensors))
    manifest = manifest_bytes(manifest_of(draft(), scope, data, after, CREATED))
    expected = None if after is None else after.version
    return store.publish(scope, manifest, KEY.sign(manifest), store.put_blob(data), expected=expected, lease=lease)
