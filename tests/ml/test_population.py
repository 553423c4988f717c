"""Who competes, who is kept, and that both can be said again."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies
from kinelog.ml.genome import check_genome, genome_id
from kinelog.ml.network_size import NetworkShape
from kinelog.ml.population import (
    NOBODY,
    Member,
    Population,
    PopulationError,
    best,
    candidates_of,
    population_bytes,
    population_of,
    scope_seed,
)
from kinelog.registry.scope import Scope
from msgspec.structs import replace

WRIST = NetworkShape(sites=1, labels=9, fine_labels=20)
BOTH = NetworkShape(sites=2, labels=9, fine_labels=20)


def made_population(seed: int = 3, shape: NetworkShape = WRIST) -> Population:
    genomes = candidates_of(NOBODY, seed, 12, shape)
    members = tuple(
        Member(genome, 0.9 - place / 100, "0" * 64, 1.2, 0.5, "run-1", ("left-wrist",))
        for place, genome in enumerate(genomes[:10])
    )
    return replace(NOBODY, run="run-1", generation=1, members=members, entrants=genomes, entrants_run="run-1")


def test_a_population_read_back_is_the_one_that_was_kept() -> None:
    assert population_of(population_bytes(made_population())) == made_population()


@pytest.mark.parametrize("data", [b"", b"{}", population_bytes(replace(NOBODY, schema=9))])
def test_bytes_that_are_no_population_are_refused(data: bytes) -> None:
    with pytest.raises(PopulationError):
        population_of(data)


@settings(max_examples=20, deadline=None)
@given(strategies.integers(0, 2**62), strategies.integers(10, 40), strategies.sampled_from([WRIST, BOTH]))
def test_candidates_are_valid_different_and_the_same_again(seed: int, count: int, shape: NetworkShape) -> None:
    before = made_population(shape=shape)
    found = candidates_of(before, seed, count, shape)
    assert found == candidates_of(before, seed, count, shape)
    assert len({genome_id(genome) for genome in found}) == len(found)
    assert all(not check_genome(genome, shape) for genome in found)
    assert len(found) >= count - 1


def test_a_night_refits_the_ten_before_it_tries_anything_new() -> None:
    before = made_population()
    found = candidates_of(before, 1, 30, WRIST)
    assert [genome_id(one) for one in found[:10]] == [genome_id(member.genome) for member in before.members]


def test_another_generation_tries_other_mutations() -> None:
    scope = Scope("gym", "all", ("left-wrist",))
    first, second = (candidates_of(made_population(), scope_seed(1, scope, number), 30, WRIST) for number in (1, 2))
    assert first[:10] == second[:10]
    assert not set(map(genome_id, first[10:])) & set(map(genome_id, second[10:]))


def test_with_several_sensors_some_candidates_are_nets_for_every_subset() -> None:
    first = candidates_of(NOBODY, 1, 20, BOTH)
    later = candidates_of(made_population(shape=BOTH), 1, 30, BOTH)
    assert sum(one.masked for one in first) >= 3
    assert sum(one.masked for one in later) >= 4
    assert not any(one.masked for one in candidates_of(NOBODY, 1, 20, WRIST))


def test_genomes_that_the_labels_of_tonight_make_too_large_are_left_out() -> None:
    many = NetworkShape(sites=1, labels=80, fine_labels=80)
    found = candidates_of(made_population(), 1, 12, many)
    assert all(not check_genome(genome, many) for genome in found)


def test_equal_scores_are_ordered_by_name_and_not_by_chance() -> None:
    genomes = candidates_of(NOBODY, 5, 6, WRIST)
    scores = {genome_id(genome): 0.5 for genome in genomes}
    assert best(scores, genomes) == best(scores, reversed(genomes))
