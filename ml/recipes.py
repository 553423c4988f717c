"""Recipes that were found to work on real recordings: what a scope starts from that was never fitted before.

`docs/recognition.md` says what was tried and what each is worth; `python -m benchmarks.recognition` measures them.
"""

from __future__ import annotations

from typing import Final

from kinelog.ml.genome import Genome
from msgspec.structs import replace

ANY_WINDOW: Final = Genome(
    ends_ms=(-1500, -1000, -500, 0, 500, 1000),
    jitter_ms=250,
    dense=(64,),
    activation="tanh",
    fine_labels=True,
    rotation_deg=10.0,
    thinned=0.35,
    input_noise=0.3,
    label_smoothing=0.05,
    learning_rate=0.02,
    batch_size=64,
    epochs=240,
)
"""One network for all windows, from two seconds before the labelled start to the first second of the set."""

FIRST_SECOND: Final = replace(
    ANY_WINDOW, ends_ms=(0, 500, 1000), dense=(72,), input_noise=0.6, label_smoothing=0.15, epochs=200
)
"""For the first second: the start shifted by up to a second, not the set-up movement before it."""

BEFORE_THE_START: Final = replace(
    ANY_WINDOW, ends_ms=(-2000, -1500, -1000, -500, 0, 500), activation="relu", input_noise=0.0
)
"""For the set-up movement: windows that end at the labelled start, or before it."""

FROM_THE_START: Final = replace(
    ANY_WINDOW,
    ends_ms=(1000,),
    jitter_ms=1000,
    activation="relu",
    input_noise=0.3,
    weight_decay=0.5,
    label_smoothing=0.1,
    epochs=400,
)
"""For recordings that begin with the set: nothing is known of what was before."""

RECIPES: Final = (ANY_WINDOW, FIRST_SECOND, BEFORE_THE_START, FROM_THE_START)
"""A new population begins with these, in this order."""


def is_recipe(genome: Genome) -> bool:
    """Whether a genome is one of the recipes, whatever its seed and the width of its layers."""
    return _plain(genome) in _PLAIN


def is_usual(genome: Genome, *, early: bool) -> bool:
    """Whether a genome is the recipe for all the windows that it is judged on.

    Args:
        genome: Whatever its seed and the width of its layers.
        early: Whether there are windows before the start of sets.
    """
    return _plain(genome) == _plain(ANY_WINDOW if early else FROM_THE_START)


def _plain(genome: Genome) -> Genome:
    return replace(genome, seed=0, dense=(4,))


_PLAIN: Final = frozenset(map(_plain, RECIPES))
