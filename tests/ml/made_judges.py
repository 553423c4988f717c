"""Models made by hand that tell from gravity which way the forearm points, and recordings of still forearms."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from kinelog.device.blob import Activation, Dense, FrontEnd, ModelBlob, pack_blob
from kinelog.device.evaluation import with_vectors
from kinelog.device.features import FEATURE_NAMES, FEATURES_PER_SITE
from kinelog.registry.manifest import ManifestDraft
from kinelog.registry.publishing import publish_model
from kinelog.registry.scope import Scope
from kinelog.registry.signing import SigningKey
from kinelog.registry.store import ModelStore
from numpy.typing import NDArray

from tests.ml.made_recordings import write_recording

KEY = SigningKey(bytes(range(32)))


def judge(*, abstain_below: float = 0.0) -> bytes:
    """A model of two labels: the first where the arm points up (x = +1 g), the second where it points down."""
    weights = np.zeros((2, 1 + FEATURES_PER_SITE), np.float32)
    weights[:, 1 + FEATURE_NAMES.index("x.mean")] = (0.003, -0.003)
    blob = ModelBlob(FrontEnd.FEATURES, 1, (Dense(weights, Activation.SOFTMAX),), (0, 1), 1.0, abstain_below)
    windows = np.random.default_rng(0).normal(0, 500, (16, 50, 3)).astype(np.int16)
    return pack_blob(with_vectors(blob, windows))


def publish(
    store: ModelStore, labels: tuple[str, str], scope: str = "demo/all/wrist", *, abstain_below: float = 0.0
) -> None:
    """Publish a judge that calls up and down so."""
    store.add_key(KEY.public)
    said = ManifestDraft(fitted_on="all", labels=labels, metrics={}, dataset=f"sha256:{'0' * 64}")
    publish_model(store, KEY, Scope.parse(scope), said, judge(abstain_below=abstain_below))


def forearm(up: float, seconds: float, rate_hz: float, seed: int = 0) -> NDArray[np.int16]:
    """A trembling forearm whose x axis measures `up` g; `(n, 3)`."""
    rng = np.random.default_rng(seed)
    still = np.array([up, 0.0, np.sqrt(max(0.0, 1 - up * up))]) * 1000
    return np.rint(still + rng.normal(0, 15, (round(seconds * rate_hz), 3))).astype(np.int16)


def write_sets(
    folder: Path, name: str, sets: Sequence[tuple[str, float]], *, rate_hz: float = 50.0, seconds: float = 6.0
) -> None:
    """A recording of sets, each a label and what x measures, two to a session."""
    rows = [
        {"subject": "p1", "session": f"s{number // 2}", "exercise": label, "rate_hz": rate_hz}
        for number, (label, _) in enumerate(sets)
    ]
    write_recording(
        folder, name, rows, [forearm(up, seconds, rate_hz, n + sum(name.encode())) for n, (_, up) in enumerate(sets)]
    )
