"""Refitted networks as what phones get: plain nets for a scope's sensors, calibrated, with test vectors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from kinelog.device.blob import ModelBlob, pack_blob, unpack_blob
from kinelog.device.evaluation import Evaluator, with_vectors
from kinelog.ml.calibration import Calibration
from kinelog.ml.genome import genome_id
from kinelog.ml.masked_nets import specialised
from kinelog.ml.population import Member
from kinelog.ml.promotion import NOT_WORSE_BY, ConfirmedScore
from kinelog.ml.scope_pool import Held, ScopePool
from kinelog.ml.scope_windows import judged_blocks, judged_rows
from kinelog.ml.selection import Ranked
from kinelog.ml.vector_windows import vector_windows
from kinelog.registry.manifest import read_manifest
from kinelog.registry.records import Published
from kinelog.registry.store import ModelStore
from numpy.typing import NDArray

MEASURED_MODEL: Final = "measured_model"
"""The metric of a manifest that names the model which the other metrics are of, where it is another."""


@dataclass(frozen=True, eq=False, slots=True)
class ScopeModel:
    """A candidate as a blob.

    Attributes:
        ranked: Who it is.
        calibration: From out-of-fold answers.
        blob: As phones get it.
    """

    ranked: Ranked
    calibration: Calibration
    blob: bytes

    def member(self, sha256: str, run: str, known: dict[str, str]) -> Member:
        """What the population keeps.

        Args:
            sha256: The blob's, in the model store.
            run: Tonight's.
            known: The night that first kept a genome, by the genome's name.
        """
        ranked = self.ranked
        return Member(
            genome=ranked.genome,
            selection_score=ranked.score,
            blob=sha256,
            temperature=self.calibration.temperature,
            abstain_below=self.calibration.abstain_below,
            since_run=known.get(genome_id(ranked.genome), run),
            sensors=ranked.pool.scope.sensors,
        )


def scope_model(pool: ScopePool, ranked: Ranked, calibration: Calibration, fitted: bytes) -> ScopeModel:
    """Make a refitted network the model of a scope.

    Args:
        pool: Of the scope.
        ranked: The candidate; its network may have more sensors than the scope.
        calibration: From out-of-fold answers.
        fitted: Its blob, as the worker made it.
    """
    blob = unpack_blob(fitted)
    if ranked.pool is not pool:
        blob = specialised(blob, ranked.mask)
    calibrated = replace(blob, temperature=calibration.temperature, abstain_below=calibration.abstain_below)
    return ScopeModel(ranked, calibration, pack_blob(with_vectors(calibrated, vector_windows(blob.sites))))


def confirmed(name: str, blob: bytes, held: Held, columns: NDArray[np.int64], label_count: int) -> ConfirmedScore:
    """A model's answers on the confirmation sessions, as a device gives them.

    Args:
        name: `challenger` or `champion`.
        blob: The model.
        held: The sessions.
        columns: `(labels of the model,)` column of each of its labels.
        label_count: Columns in all.
    """
    model = unpack_blob(blob)
    evaluator = Evaluator(model)
    blocks = [evaluator.evaluate(windows).probabilities for windows in judged_blocks(held.data)]
    said = np.concatenate(blocks or [np.zeros((0, model.labels), np.float32)]).astype(np.float64)
    probabilities = np.zeros((len(said), label_count))
    np.add.at(probabilities.T, columns, said.T)
    return score_of(name, held, probabilities, judged_rows(held.data).example_of, model)


def score_of(
    name: str, held: Held, probabilities: NDArray[np.float64], example_of: NDArray[np.int64], model: ModelBlob | None
) -> ConfirmedScore:
    """Answers on the confirmation sessions, with whose they are."""
    return ConfirmedScore(
        name=name,
        confirmation_set=held.set_name,
        truth=held.data.labels[example_of],
        probabilities=probabilities / probabilities.sum(axis=1, keepdims=True),
        people=held.people[example_of],
        sessions=held.sessions[example_of],
        abstain_below=0.0 if model is None else model.abstain_below,
    )


@dataclass(frozen=True, eq=False, slots=True)
class Champion:
    """What phones have now.

    Attributes:
        published: It.
        measured: The model that its figures are of, and that challengers meet: itself, or the one of the same recipe
            that no confirmation session trained.
        labels: Of both.
    """

    published: Published
    measured: bytes
    labels: tuple[str, ...]


def champion_of(store: ModelStore, pool: ScopePool) -> Champion | None:
    """The champion of a pool's scope."""
    published = store.champion(pool.scope)
    if published is None:
        return None
    said = read_manifest(published.manifest)
    measured = said.metrics.get(MEASURED_MODEL, published.blob)
    return Champion(published, store.blob(str(measured)), said.labels)


def chosen_fit(twin: ScopeModel, pool: ScopePool, held: Held, fitted: bytes) -> bytes:
    """What is published of a winner: fitted on every session, unless that went wrong.

    Args:
        twin: The winner as it was compared: no confirmation session trained it.
        pool: Of the scope.
        held: The confirmation sessions.
        fitted: The same recipe on all sessions, as the worker made it.

    Returns:
        The new fit with the winner's calibration. The winner itself, where the new fit, which has seen the confirmation
        sessions, is worse on them by more than `NOT_WORSE_BY` than the winner, which has not.
    """
    whole = scope_model(pool, twin.ranked, twin.calibration, fitted).blob
    labels = np.arange(len(pool.data.names.labels))
    seen, unseen = (confirmed("", blob, held, labels, len(labels)) for blob in (whole, twin.blob))
    return whole if seen.right.mean() >= unseen.right.mean() - NOT_WORSE_BY else twin.blob
