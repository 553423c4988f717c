"""New genomes from old ones: first population, mutation, crossover.

Everything is decided by the generator that is passed in, so that a night can be repeated; everything that is returned
is valid for the network's shape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np
from kinelog.ml.genome import (
    EARLIEST_END_MS,
    END_STEP_MS,
    LATEST_END_MS,
    Convolution,
    Genome,
    check_genome,
    genome_id,
    require_valid,
)
from kinelog.ml.network_size import NetworkShape
from kinelog.ml.recipes import RECIPES

ATTEMPTS = 40
"""Proposals before a mutation settles for another seed of the same genome."""

WIDTHS = (8, 12, 16, 24, 32, 48, 64, 96, 128)
CONVOLUTIONS: tuple[tuple[Convolution, ...], ...] = (
    (),
    (Convolution(16, 5, 5),),
    (Convolution(24, 10, 5),),
    (Convolution(32, 8, 4),),
    (Convolution(16, 8, 2), Convolution(32, 4, 2)),
    (Convolution(16, 5, 5), Convolution(32, 3, 1)),
    (Convolution(24, 6, 3), Convolution(32, 3, 2)),
)
"""Kernels and strides that unfold cheaply; mutation chooses among them and varies the filters."""

CHOICES: Mapping[str, tuple[object, ...]] = {
    "jitter_ms": (0, 100, 250, 500, 750, 1000),
    "front_end": ("raw", "features", "both"),
    "conv": CONVOLUTIONS,
    "activation": ("relu", "relu", "tanh", "logistic"),
    "dropout": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5),
    "weight_decay": (0.0, 0.1, 0.3, 1.0, 3.0),
    "label_smoothing": (0.0, 0.02, 0.05, 0.1, 0.15),
    "rotation_deg": (0.0, 5.0, 10.0, 15.0, 20.0),
    "noise_mg": (0.0, 5.0, 10.0, 20.0, 40.0),
    "thinned": (0.0, 0.2, 0.35, 0.5),
    "input_noise": (0.0, 0.15, 0.3, 0.5, 0.6),
    "mirror": (False, False, False, True),
    "fine_labels": (False, True),
    "auxiliary": (False, True),
    "masked": (False,),
    "optimiser": ("adam", "adam", "adam", "momentum"),
    "epochs": (30, 40, 60, 100, 150, 200),
    "batch_size": (16, 32),
}
"""What a field may become; values that stand twice are proposed twice as often."""


def first_population(seed: int, count: int, shape: NetworkShape) -> tuple[Genome, ...]:
    """The genomes that a scope starts from: recipes known to work, then mutations of them, all different.

    Raises:
        ValueError: If no recipe fits the shape, which then has too many sensors or labels for 32 KB.
    """
    rng = np.random.default_rng([seed, shape.sites, shape.labels])
    recipes = [fitted for recipe in _recipes() if (fitted := _narrowed(recipe, shape)) is not None]
    if not recipes:
        raise ValueError(f"no network for {shape.sites} sensors and {shape.labels} labels is small enough")
    found: dict[str, Genome] = {}
    while len(found) < count:
        recipe = recipes[len(found) % len(recipes)]
        genome = msgspec.structs.replace(recipe, seed=_seed(rng))
        if len(found) >= len(recipes):
            genome = mutate(genome, rng, shape)
        found.setdefault(genome_id(genome), genome)
    return tuple(found.values())


def mutate(genome: Genome, rng: np.random.Generator, shape: NetworkShape) -> Genome:
    """The genome with one to three fields changed, and another seed.

    Raises:
        InvalidGenomeError: If the genome itself is not valid for this shape.
    """
    require_valid(genome, shape)
    for _ in range(ATTEMPTS):
        proposal = genome
        for _ in range(1 + int(rng.integers(3))):
            proposal = _changed(proposal, rng)
        if proposal != genome and not check_genome(proposal, shape):
            return msgspec.structs.replace(proposal, seed=_seed(rng))
    return msgspec.structs.replace(genome, seed=_seed(rng))


def crossover(one: Genome, other: Genome, rng: np.random.Generator, shape: NetworkShape) -> Genome:
    """A genome that takes each field from one of two parents, the network's as one piece.

    Raises:
        InvalidGenomeError: If a parent is not valid for this shape.
    """
    require_valid(one, shape)
    require_valid(other, shape)
    net, recipe = (one, other) if rng.integers(2) else (other, one)
    taken = {name: getattr(recipe, name) for name in _RECIPE_FIELDS if rng.integers(2)}
    child = msgspec.structs.replace(net, **taken, seed=_seed(rng))
    return child if not check_genome(child, shape) else msgspec.structs.replace(net, seed=_seed(rng))


_NETWORK_FIELDS = {"front_end", "conv", "dense", "activation", "fine_labels", "masked", "seed"}
_RECIPE_FIELDS = tuple(name for name in Genome.__struct_fields__ if name not in _NETWORK_FIELDS)
_FIELDS = tuple(name for name in Genome.__struct_fields__ if name != "seed")


def _recipes() -> Sequence[Genome]:
    shifted = Genome(
        jitter_ms=250,
        dropout=0.2,
        weight_decay=1.0,
        label_smoothing=0.05,
        learning_rate=0.004,
        epochs=100,
        batch_size=16,
    )
    replace = msgspec.structs.replace
    return (
        *RECIPES,
        shifted,
        replace(shifted, front_end="raw", dense=(48,), jitter_ms=500, rotation_deg=10.0, weight_decay=3.0),
        replace(shifted, front_end="both", conv=(Convolution(24, 10, 5),), dense=(48,)),
        replace(shifted, front_end="raw", conv=CONVOLUTIONS[4], dense=(32,), rotation_deg=10.0),
        replace(shifted, dense=(32, 24), activation="tanh", auxiliary=True),
    )


def _narrowed(genome: Genome, shape: NetworkShape) -> Genome | None:
    """The genome, its dense layers made narrower until it fits; None if it never does."""
    while check_genome(genome, shape):
        if max(genome.dense) <= 4:
            return None
        narrower = tuple(max(4, width * 3 // 4) for width in genome.dense)
        genome = msgspec.structs.replace(genome, dense=narrower)
    return genome


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))


def _changed(genome: Genome, rng: np.random.Generator) -> Genome:
    field = _FIELDS[int(rng.integers(len(_FIELDS)))]
    make = _MAKERS.get(field)
    value = make(genome, rng) if make else CHOICES[field][int(rng.integers(len(CHOICES[field])))]
    changes: dict[str, object] = {field: value}
    if field == "front_end" and value == "features":
        changes["conv"] = ()
    if field == "conv" and value and genome.front_end == "features":
        changes["front_end"] = "both"
    return msgspec.structs.replace(genome, **changes)


def _changed_ends(genome: Genome, rng: np.random.Generator) -> tuple[int, ...]:
    """One end more, one less, or one moved."""
    ends = set(genome.ends_ms)
    steps = (LATEST_END_MS - EARLIEST_END_MS) // END_STEP_MS
    end = EARLIEST_END_MS + END_STEP_MS * int(rng.integers(steps + 1))
    kind = ("more", "less", "moved")[int(rng.integers(3))]
    if kind != "more":
        ends.discard(sorted(ends)[int(rng.integers(len(ends)))])
    if kind != "less" or not ends:
        ends.add(end)
    return tuple(sorted(ends))


def _changed_dense(genome: Genome, rng: np.random.Generator) -> tuple[int, ...]:
    """One layer's width changed, a layer more, or one less."""
    dense = list(genome.dense)
    kind = int(rng.integers(4))
    width = WIDTHS[int(rng.integers(len(WIDTHS)))]
    if kind == 0 or not dense:
        dense.insert(int(rng.integers(len(dense) + 1)), width)
    elif kind == 1:
        dense.pop(int(rng.integers(len(dense))))
    else:
        dense[int(rng.integers(len(dense)))] = width
    return tuple(dense)


def _changed_learning_rate(genome: Genome, rng: np.random.Generator) -> float:
    factor = float(2.0 ** rng.uniform(-1.5, 1.5))
    return min(0.1, max(1e-4, round(genome.learning_rate * factor, 6)))


_MAKERS: Mapping[str, Callable[[Genome, np.random.Generator], object]] = {
    "ends_ms": _changed_ends,
    "dense": _changed_dense,
    "learning_rate": _changed_learning_rate,
}
