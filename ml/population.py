"""The ten best models of a scope, with everything that rebuilds them, and who competes with them tonight.

A night refits the ten, adds mutations and crossovers of them up to the number of candidates, judges all on the same
folds and keeps ten. What is drawn depends on the seed, the scope and the generation, not on clocks: a night that
was killed draws the same candidates when it is run again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec
import numpy as np
from kinelog.ml.genome import Genome, check_genome, fits_muvr_format, genome_id
from kinelog.ml.kept_state import UNREADABLE, StateFormatError, checked, with_hash
from kinelog.ml.mutation import crossover, first_population, mutate
from kinelog.ml.network_size import NetworkShape
from kinelog.ml.recipes import is_recipe
from kinelog.ml.run_record import Setting
from kinelog.ml.scope_windows import JUDGED_ENDS_MS
from kinelog.registry.scope import Scope

KEPT: Final = 10
MASKED_SHARE: Final = 0.2
"""Of the candidates of a combination of several sites: nets for every subset of it."""
CROSSED_SHARE: Final = 0.25
"""Of the new candidates; the rest are mutations."""
POPULATION_SCHEMA: Final = 1
EPOCHS_OF_EVERY_END: Final = 80
"""At least, for who starts with windows of all the places that are judged: there is more to see of each set."""
ATTEMPTS: Final = 20
"""Draws for one new candidate before the generation is left smaller than asked for."""


class PopulationError(StateFormatError):
    """Bytes that are no population, or of a schema that this program does not know."""


class Member(msgspec.Struct, frozen=True):
    """One of the ten.

    Attributes:
        genome: Architecture, activations, training recipe, seed.
        selection_score: On the folds of the night that kept it, less what luck is worth; it chose, so it is no result.
        blob: SHA-256 of its parameters, fitted on all selection data, in the model store.
        temperature, abstain_below: Fitted on out-of-fold answers.
        since_run: The night that first kept it.
        sensors: Of the network: more than the scope's for a masked net of a larger combination.
    """

    genome: Genome
    selection_score: float
    blob: str
    temperature: float
    abstain_below: float
    since_run: str
    sensors: tuple[str, ...]


class Population(msgspec.Struct, frozen=True):
    """What the next night of a scope starts from, and what tonight's models are rebuilt from.

    Attributes:
        run: The night that made it.
        generation: Nights that this scope has had, from 1.
        dataset: Hash of the night's data set.
        fit_data: Hash of the scope's selection examples and folds.
        seed, folds, code_version: Of the night.
        labels: Of the networks, in the order of their outputs.
        data_cluster: The cluster whose people's data were fitted.
        members: The best first.
        best_muvr: The best dense net on the raw window that the format of the old app can say; kept beside the ten.
        candidates: How many competed.
        entrants_run: The night that `entrants` compete in: saved before anything is fitted, so that a night that goes
            on after it was killed has the same candidates, whatever it had saved meanwhile.
        entrants: They.
        measured: Hashes of the models that figures of published ones are of, where these are others. Named here, they
            stay in the store as long as the scope has nights.
    """

    run: str
    generation: int
    dataset: str
    fit_data: str
    seed: int
    folds: int
    code_version: str
    labels: tuple[str, ...]
    data_cluster: str
    members: tuple[Member, ...]
    best_muvr: Member | None
    candidates: int
    entrants_run: str = ""
    entrants: tuple[Genome, ...] = ()
    measured: tuple[str, ...] = ()
    schema: int = POPULATION_SCHEMA


NOBODY: Final = Population(
    run="",
    generation=0,
    dataset="",
    fit_data="",
    seed=0,
    folds=0,
    code_version="",
    labels=(),
    data_cluster="",
    members=(),
    best_muvr=None,
    candidates=0,
)
"""What a scope has before its first night."""


def population_bytes(population: Population) -> bytes:
    """The population as JSON, with its hash."""
    return with_hash(msgspec.json.encode(population))


def population_of(data: bytes) -> Population:
    """Read a population back.

    Raises:
        PopulationError: The bytes are no population, or one of another schema.
    """
    try:
        population = msgspec.json.decode(checked(data), type=Population)
    except UNREADABLE as error:
        message = f"not a population: {error}"
        raise PopulationError(message) from error
    if population.schema != POPULATION_SCHEMA:
        message = f"schema: {population.schema} is not {POPULATION_SCHEMA}"
        raise PopulationError(message)
    return population


def scope_seed(seed: int, scope: Scope, generation: int) -> int:
    """What chance depends on in a scope's night: 63 bits."""
    said = f"kinelog population\0{seed}\0{scope.path}\0{generation}".encode()
    return int.from_bytes(hashlib.sha256(said).digest()[:8], "big") >> 1


def candidates_of(before: Population, seed: int, count: int, shape: NetworkShape) -> tuple[Genome, ...]:
    """Who competes tonight: the ten of the night before, then new ones; all different, all valid.

    Args:
        before: The night before.
        seed: `scope_seed` of the generation.
        count: How many; never fewer than the ten.
        shape: What the networks are connected to.

    Raises:
        ValueError: No network for so many sensors and labels is small enough.
    """
    rng = np.random.default_rng(seed)
    kept = [genome for genome in _genomes(before) if not check_genome(genome, shape)]
    if not kept:
        return _with_masked(_with_every_end(first_population(seed, count, shape)), rng, shape)
    found = {genome_id(genome): genome for genome in kept}
    for number in range(max(0, count - len(found))):
        for _ in range(ATTEMPTS):
            child = _child(kept, rng, shape, masked=shape.sites > 1 and number % round(1 / MASKED_SHARE) == 0)
            if genome_id(child) not in found:
                found[genome_id(child)] = child
                break
    return tuple(found.values())


def best(scores: Mapping[str, float], genomes: Iterable[Genome]) -> list[Genome]:
    """Genomes from the best score to the worst; of equal ones the order is that of their names, on every machine."""
    there = {genome_id(genome): genome for genome in genomes}
    names = sorted((name for name in there if name in scores), key=lambda name: (-scores[name], name))
    return [there[name] for name in names]


def best_muvr(ranked: Sequence[Genome]) -> Genome | None:
    """The best one that the format of the old app can say."""
    return next((genome for genome in ranked if fits_muvr_format(genome)), None)


def settings_of(genome: Genome) -> Mapping[str, Setting]:
    """The genome's fields as plain values, for a record."""
    plain: dict[str, Setting] = {}
    for name in genome.__struct_fields__:
        value = getattr(genome, name)
        plain[name] = tuple((one.filters, one.kernel, one.stride) for one in value) if name == "conv" else value
    return plain


def _genomes(before: Population) -> list[Genome]:
    members = [*before.members, *([before.best_muvr] if before.best_muvr else [])]
    return list({genome_id(member.genome): member.genome for member in members}.values())


def _child(parents: list[Genome], rng: np.random.Generator, shape: NetworkShape, *, masked: bool) -> Genome:
    # The square of a uniform number: better ones are parents more often, the last of the ten still now and then.
    one = parents[int(len(parents) * rng.random() ** 2)]
    if rng.random() < CROSSED_SHARE and len(parents) > 1:
        child = crossover(one, parents[int(rng.integers(len(parents)))], rng, shape)
    else:
        child = mutate(one, rng, shape)
    return _masked(child, shape) if masked else child


def _with_every_end(genomes: Sequence[Genome]) -> tuple[Genome, ...]:
    """Every other one trains on windows of all the places that it will be judged on; recipes stay as they are."""
    ends = tuple(sorted(JUDGED_ENDS_MS))
    return tuple(
        msgspec.structs.replace(genome, ends_ms=ends, epochs=max(genome.epochs, EPOCHS_OF_EVERY_END))
        if place % 2 and not is_recipe(genome)
        else genome
        for place, genome in enumerate(genomes)
    )


def _with_masked(genomes: Sequence[Genome], rng: np.random.Generator, shape: NetworkShape) -> tuple[Genome, ...]:
    if shape.sites < 2:
        return tuple(genomes)
    taken = rng.permutation(len(genomes))[: max(1, round(MASKED_SHARE * len(genomes)))].tolist()
    return tuple(_masked(genome, shape) if place in taken else genome for place, genome in enumerate(genomes))


def _masked(genome: Genome, shape: NetworkShape) -> Genome:
    """The same for every subset of the sensors; the genome itself where the flags make it too large."""
    masked = msgspec.structs.replace(genome, masked=True)
    return genome if check_genome(masked, shape) else masked
