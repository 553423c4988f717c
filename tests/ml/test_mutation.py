"""Mutation: repeatable, always valid, and it reaches every field."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinelog.ml.genome import Genome, InvalidGenomeError, check_genome, fits_muvr_format, genome_id
from kinelog.ml.mutation import crossover, first_population, mutate
from kinelog.ml.network_size import NetworkShape

from tests.ml.genomes import WRIST, genomes, shapes


@settings(max_examples=30, deadline=None)
@given(shapes, st.integers(0, 2**31))
def test_a_first_population_is_valid_and_all_different(shape: NetworkShape, seed: int) -> None:
    population = first_population(seed, 12, shape)
    assert [check_genome(genome, shape) for genome in population] == [()] * 12
    assert len({genome_id(genome) for genome in population}) == 12


def test_a_first_population_is_the_same_for_the_same_seed_only() -> None:
    assert first_population(7, 20, WRIST) == first_population(7, 20, WRIST)
    assert first_population(7, 20, WRIST) != first_population(8, 20, WRIST)


def test_a_first_population_has_a_net_that_the_old_app_can_read() -> None:
    assert any(fits_muvr_format(genome) for genome in first_population(1, 10, WRIST))


@settings(max_examples=30, deadline=None)
@given(shapes, st.integers(0, 2**31))
def test_a_mutation_is_valid_repeatable_and_something_else(shape: NetworkShape, seed: int) -> None:
    parent = first_population(seed, 1, shape)[0]
    child = mutate(parent, np.random.default_rng(seed), shape)
    assert not check_genome(child, shape)
    assert child == mutate(parent, np.random.default_rng(seed), shape)
    assert genome_id(child) != genome_id(parent)


def test_mutations_reach_every_field() -> None:
    rng = np.random.default_rng(5)
    parent = first_population(5, 1, WRIST)[0]
    seen = {field: {getattr(parent, field)} for field in Genome.__struct_fields__}
    for _ in range(1500):
        child = mutate(parent, rng, WRIST)
        for field, values in seen.items():
            values.add(getattr(child, field))
    assert {field for field, values in seen.items() if len(values) == 1} == {"masked"}


@settings(max_examples=30, deadline=None)
@given(genomes(), genomes(), st.integers(0, 2**31))
def test_a_child_of_two_is_valid_and_repeatable(one: Genome, other: Genome, seed: int) -> None:
    child = crossover(one, other, np.random.default_rng(seed), WRIST)
    assert not check_genome(child, WRIST)
    assert child == crossover(one, other, np.random.default_rng(seed), WRIST)
    for field in Genome.__struct_fields__:
        if field != "seed":
            assert getattr(child, field) in (getattr(one, field), getattr(other, field))


def test_an_invalid_parent_is_refused() -> None:
    with pytest.raises(InvalidGenomeError):
        mutate(Genome(front_end="raw", dense=(64,)), np.random.default_rng(0), WRIST)
