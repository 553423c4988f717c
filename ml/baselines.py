"""What a network is compared with: the direction of gravity alone, a logistic regression, extremely random trees.

All see the same windows as the networks. Same windows, labels and seed: same probabilities.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from kinelog.device.features import features
from kinelog.ml.scores import Ids, Reals
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

Windows = NDArray[np.int16]

TREES: Final = 200
ROUNDS: Final = 10_000
"""Most steps of the logistic regression; it stops long before where it converges."""
_NO_GRAVITY_MG: Final = 1.0
"""Added to the length of the mean, as in `features/1`: an absent site has no direction."""


class BaselineError(ValueError):
    """A baseline that does not exist, or data that none can be fitted to; names the field."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field


class _Classifier(Protocol):
    """What is used of scikit-learn's classifiers."""

    classes_: Ids

    def fit(self, inputs: NDArray[np.floating], labels: Ids) -> object: ...

    def predict_proba(self, inputs: NDArray[np.floating]) -> Reals: ...


@dataclass(frozen=True, slots=True)
class _Recipe:
    inputs: Callable[[Windows], NDArray[np.floating]]
    classifier: Callable[[int], _Classifier]


def gravity_direction(windows: Windows) -> Reals:
    """Unit vector of the mean acceleration of each site, `(n, 3 * sites)`; zeros where a site is absent."""
    means = windows.mean(axis=1, dtype=np.float64)
    by_site = means.reshape(len(means), -1, 3)
    directions: Reals = by_site / (np.linalg.norm(by_site, axis=2, keepdims=True) + _NO_GRAVITY_MG)
    return directions.reshape(means.shape)


def _forest(seed: int) -> _Classifier:
    forest: _Classifier = RandomForestClassifier(TREES, random_state=seed, n_jobs=1)
    return forest


def _logistic(seed: int) -> _Classifier:
    logistic = LogisticRegression(max_iter=ROUNDS, random_state=seed)
    pipeline: _Classifier = make_pipeline(StandardScaler(), logistic)
    return pipeline


def _extra_trees(seed: int) -> _Classifier:
    trees: _Classifier = ExtraTreesClassifier(TREES, random_state=seed, n_jobs=1)
    return trees


_RECIPES: Final = {
    "gravity": _Recipe(gravity_direction, _forest),
    "logistic": _Recipe(features, _logistic),
    "extra-trees": _Recipe(features, _extra_trees),
}
BASELINES: Final = tuple(_RECIPES)
"""Their names, as in reports and in `promotion.TRIVIAL`."""


@dataclass(frozen=True, eq=False, slots=True)
class FittedBaseline:
    """A baseline after its fit."""

    name: str
    label_count: int
    _recipe: _Recipe
    _classifier: _Classifier | None
    _labels: Ids

    def probabilities(self, windows: Windows) -> Reals:
        """`(n, labels)` for `(n, 50, 3 * sites)` windows; 0 for labels that the fit never saw."""
        found = np.zeros((len(windows), self.label_count))
        if self._classifier is None:
            found[:, self._labels] = 1.0
        elif len(windows):
            found[:, self._labels] = self._classifier.predict_proba(self._recipe.inputs(windows))
        return found


def fit_baseline(name: str, windows: Windows, labels: Ids, label_count: int, *, seed: int) -> FittedBaseline:
    """Fit one baseline.

    Args:
        name: One of `BASELINES`.
        windows: `(n, 50, 3 * sites)` int16 milli-g.
        labels: `(n,)` numbers `0 … label_count - 1`. If all are the same, that label is always the answer.
        label_count: Columns of the probabilities.
        seed: Of the trees.

    Raises:
        BaselineError: There is no such baseline, or nothing to fit it to.
    """
    if name not in _RECIPES:
        raise BaselineError("name", f"one of {', '.join(BASELINES)}, not {name!r}")
    if len(windows) != len(labels) or not len(labels):
        raise BaselineError("labels", f"one for each window and at least one, not {len(labels)} for {len(windows)}")
    if labels.min() < 0 or labels.max() >= label_count:
        raise BaselineError("labels", f"numbers are 0 … {label_count - 1}")
    recipe, known = _RECIPES[name], np.unique(labels)
    if len(known) == 1:
        return FittedBaseline(name, label_count, recipe, None, known)
    classifier = recipe.classifier(seed)
    classifier.fit(recipe.inputs(windows), labels)
    return FittedBaseline(name, label_count, recipe, classifier, np.asarray(classifier.classes_, dtype=np.int64))
