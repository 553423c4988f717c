"""The recipes that a population begins with fit every scope that they were found for, and differ."""

import pytest
from kinelog.ml.genome import Genome, check_genome, genome_id
from kinelog.ml.mutation import first_population
from kinelog.ml.network_size import NetworkShape
from kinelog.ml.recipes import ANY_WINDOW, BEFORE_THE_START, FROM_THE_START, RECIPES, is_recipe, is_usual
from msgspec.structs import replace

WRIST_OF_TWENTY = NetworkShape(sites=1, labels=9, fine_labels=20)
WRIST_OF_MANY = NetworkShape(sites=1, labels=24, fine_labels=24)


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("shape", [WRIST_OF_TWENTY, WRIST_OF_MANY])
def test_a_recipe_is_valid_for_one_wrist_and_many_labels(recipe: Genome, shape: NetworkShape) -> None:
    assert check_genome(recipe, shape) == ()


def test_a_population_begins_with_all_recipes_but_their_seeds() -> None:
    first = first_population(3, len(RECIPES), WRIST_OF_TWENTY)
    assert [one.ends_ms for one in first] == [one.ends_ms for one in RECIPES]
    assert len({genome_id(one) for one in first}) == len(RECIPES)


def test_a_recipe_is_known_by_all_but_its_seed_and_widths() -> None:
    assert all(is_recipe(replace(recipe, seed=7, dense=(12,))) for recipe in RECIPES)
    assert not is_recipe(replace(ANY_WINDOW, thinned=0.0))
    assert not is_recipe(Genome())


def test_the_usual_recipe_is_the_one_for_all_windows_that_there_are() -> None:
    assert is_usual(replace(ANY_WINDOW, seed=3), early=True)
    assert is_usual(replace(FROM_THE_START, dense=(20,)), early=False)
    assert not is_usual(FROM_THE_START, early=True)
    assert not is_usual(BEFORE_THE_START, early=True)
    assert not is_usual(ANY_WINDOW, early=False)
