"""Recipes that were found to work on real recordings: what a scope starts from that was never fitted before.

`docs/recognition.md` says what was tried and what each is worth; `python -m benchmarks.recognition` measures them.
"""

from __future__ import annotations

from typing import Final

import msgspec
from kinelog.ml.genome import Genome

ANY_WINDOW: Final = Genome(
    ends_ms=(-1500, -1000, -500, 0, 500, 1000),
    jitter_ms=250,
    dense=(64,),
    fine_labels=True,
    rotation_deg=10.0,
    label_smoothing=0.05,
    learning_rate=0.02,
    batch_size=64,
    epochs=120,
)
"""One network for all windows, from two seconds before the labelled start to the first second of the set."""

FIRST_SECOND: Final = msgspec.structs.replace(ANY_WINDOW, ends_ms=(0, 500, 1000))
"""For the first second alone: the start shifted by up to a second either way, not the set-up movement."""

BEFORE_THE_START: Final = msgspec.structs.replace(ANY_WINDOW, ends_ms=(-2000, -1500, -1000, -500, 0))
"""For the set-up movement: windows that end at the labelled start, or before it."""

FROM_THE_START: Final = msgspec.structs.replace(ANY_WINDOW, ends_ms=(1000,), jitter_ms=500)
"""For recordings that begin with the set: nothing is known of what was before."""
