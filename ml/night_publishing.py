"""What becomes of a verdict: the winner is published, or kept beside the champion; clusters that back off follow."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kinelog.device.blob import unpack_blob
from kinelog.ml.lease_keeper import LeaseKeeper
from kinelog.ml.run_record import NamedMetrics, PublishedRecord, ScopeRecord
from kinelog.ml.scope_models import MEASURED_MODEL
from kinelog.ml.scope_pool import ScopePool
from kinelog.registry.manifest import ManifestDraft, Metric, read_manifest
from kinelog.registry.publishing import keep_challenger, publish_model
from kinelog.registry.records import Published
from kinelog.registry.scope import Scope
from kinelog.registry.signing import SigningKey
from kinelog.registry.store import ModelStore

PUBLISHES: Final = frozenset({"first", "promoted"})


@dataclass(frozen=True, slots=True)
class Publisher:
    """Where to, signed by whom, by right of which lease."""

    store: ModelStore
    key: SigningKey
    keeper: LeaseKeeper

    def settle(
        self, pool: ScopePool, decided: ScopeRecord, measured: bytes, whole: bytes, dataset: str
    ) -> Published | None:
        """Publish the winner, or keep it as the challenger; the champion then.

        Doing again what was done just now changes nothing: a night that was killed in between does.

        Args:
            pool: Of the scope.
            decided: What becomes of the winner.
            measured: The winner as it was compared; kept as the challenger, if it is not published.
            whole: What is published: the same recipe on all sessions, or `measured` itself.
            dataset: Hash of the night's data set.

        Raises:
            RegistryError: The store, the key or the model refuses.
            LeaseLostError: Another night has taken over.
        """
        champion = self.store.champion(pool.scope)
        if champion is not None and champion.blob == hashlib.sha256(whole).hexdigest():
            return champion
        if decided.promotion.outcome in PUBLISHES:
            return publish_model(
                self.store,
                self.key,
                pool.scope,
                draft_of(pool, decided.confirmation, dataset, None if whole == measured else measured),
                whole,
                lease=self.keeper.lease,
                compared_with=decided.champion_before,
            )
        if decided.confirmation:
            draft = draft_of(pool, decided.confirmation, dataset)
            keep_challenger(self.store, pool.scope, draft, measured, lease=self.keeper.lease)
        return champion

    def follow(self, pool: ScopePool, published: Published) -> dict[str, Published]:
        """Give the pool's champion to each cluster that backs off to it; by cluster."""
        said = read_manifest(published.manifest)
        draft = ManifestDraft(
            name=said.name,
            fitted_on=said.fitted_on,
            labels=said.labels,
            metrics=said.metrics,
            dataset=said.dataset,
        )
        blob = self.store.blob(published.blob)
        found = {}
        for cluster in pool.followers:
            scope = Scope(pool.scope.tenant, cluster, pool.scope.sensors)
            found[cluster] = publish_model(self.store, self.key, scope, draft, blob, lease=self.keeper.lease)
        return found


def draft_of(
    pool: ScopePool, metrics: Sequence[NamedMetrics], dataset: str, measured: bytes | None = None
) -> ManifestDraft:
    """What a manifest says of a pool's model; figures from confirmation only.

    Args:
        pool: Of the scope.
        metrics: Of challenger, champion and baselines.
        dataset: Hash of the night's data set.
        measured: The model that the figures are of, where another one is published: of the same recipe, fitted
            without the confirmation sessions.
    """
    figures: dict[str, Metric] = {"measured_on": "confirmation sessions"}
    if measured is not None:
        figures[MEASURED_MODEL] = hashlib.sha256(measured).hexdigest()
    for one in metrics:
        if one.name == "challenger":
            figures |= {
                "accuracy": one.metrics.accuracy.value,
                "accuracy_low": one.metrics.accuracy.low,
                "macro_f1": one.metrics.macro_f1.value,
                "coverage": one.metrics.coverage,
                "calibration_error_excess": one.metrics.ece_excess,
                "windows": one.metrics.windows,
            }
    return ManifestDraft(
        fitted_on=pool.scope.cluster, labels=pool.data.names.labels, metrics=figures, dataset=f"sha256:{dataset}"
    )


def published_record(store: ModelStore, published: Published | None) -> PublishedRecord | None:
    """What a record says of a champion."""
    if published is None:
        return None
    data = store.blob(published.blob)
    model = unpack_blob(data)
    return PublishedRecord(
        version=published.version,
        blob_sha256=published.blob,
        blob_bytes=len(data),
        weight_bytes=model.weights_bytes,
        temperature=model.temperature,
        abstain_below=model.abstain_below,
        measured_sha256=str(read_manifest(published.manifest).metrics.get(MEASURED_MODEL, "")),
    )
