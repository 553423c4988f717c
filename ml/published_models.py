"""Published models as a score uses them: believed first, then chosen by what they can name and by sensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from kinelog.device.evaluation import Evaluator
from kinelog.device.sites import in_order
from kinelog.ml.examples import SetExample
from kinelog.ml.label_names import Vocabulary
from kinelog.registry.checking import check_manifest
from kinelog.registry.clusters import chain_of, finest_cluster
from kinelog.registry.scope import Scope
from kinelog.registry.store import ModelStore

WRISTS: Final = frozenset({"wrist", "left-wrist", "right-wrist"})
"""A watch whose wrist nobody wrote down, or that is worn on the other one, still asks the model for a wrist."""


@dataclass(frozen=True, eq=False, slots=True)
class PublishedModel:
    """A champion whose signature, hash, layout and test vectors are right.

    Attributes:
        scope: What it is for.
        version: Of the scope.
        blob: SHA-256 of the blob.
        labels: In the order of its probabilities.
        masked: Whether it may be asked without some of its sensors.
        vocabulary: What its labels are called elsewhere.
        evaluator: The device's arithmetic.
    """

    scope: Scope
    version: int
    blob: str
    labels: tuple[str, ...]
    masked: bool
    vocabulary: Vocabulary
    evaluator: Evaluator

    def label_of(self, example: SetExample) -> int | None:
        """The label that an example's name means to this model."""
        return self.vocabulary.number_of(example.label, example.fine)

    def seen(self, example: SetExample) -> SetExample | None:
        """The example with its sites called as the model calls them; None if the model cannot be asked about it."""
        names = _renamed(example.sites, self.scope.sensors)
        there = [site for site in self.scope.sensors if site in names]
        if not there or (len(there) < len(self.scope.sensors) and not self.masked):
            return None
        return example if names == example.sites else replace(example, sites=names)


def published_models(store: ModelStore, tenant: str | None = None) -> list[PublishedModel]:
    """All champions, of one tenant or of all.

    Raises:
        RegistryError: A model cannot be believed, or the store does not answer.
    """
    keys = store.keys()
    found = []
    for scope in store.scopes(tenant):
        champion = store.champion(scope)
        if champion is None:
            continue
        checked = check_manifest(champion.manifest, champion.signature, keys, store.blob(champion.blob))
        labels = checked.manifest.labels
        found.append(
            PublishedModel(
                scope, champion.version, champion.blob, labels, checked.blob.masked, Vocabulary(labels),
                Evaluator(checked.blob),
            )
        )  # fmt: skip
    return found


def chosen_model(models: Sequence[PublishedModel], examples: Sequence[SetExample]) -> PublishedModel | None:
    """The model for examples of one recording, one combination of sites and one profile; None if none can be asked.

    The one whose vocabulary has most of their labels; of equals the one for the finest cluster that the profile is in
    (`all` without a profile), then with most sensors, then with fewest labels.
    """
    first = examples[0]
    chain = chain_of(finest_cluster(first.age_group, first.sex, first.proficiency))
    best: tuple[tuple[int, ...], str] | None = None
    found = None
    for model in models:
        if model.scope.cluster not in chain or model.seen(first) is None:
            continue
        named = sum(example.label is not None and model.label_of(example) is not None for example in examples)
        worn = len(set(_renamed(first.sites, model.scope.sensors)) & set(model.scope.sensors))
        rank = (-named, chain.index(model.scope.cluster), -worn, len(model.labels)), model.scope.path
        if best is None or rank < best:
            best, found = rank, model
    return found


def _renamed(sites: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[str, ...]:
    """The sites, a lone wrist called as the model's lone wrist is."""
    ours, theirs = [site for site in sites if site in WRISTS], [site for site in wanted if site in WRISTS]
    if len(ours) != 1 or len(theirs) != 1 or ours == theirs:
        return sites
    names = tuple(theirs[0] if site in WRISTS else site for site in sites)
    return names if in_order(names) == names else sites
