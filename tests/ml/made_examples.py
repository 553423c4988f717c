"""Data sets of simulated people: realistic signals with the set-up movement before each labelled start."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from kinelog.ml.examples import KEPT_ROWS, LEAD_ROWS, RATE_HZ, Dataset, SetExample, dataset_of
from kinelog.phone import movement
from kinelog.phone.exercises import EXERCISES, Exercise
from kinelog.phone.person import Style, draw_style, rotation
from numpy.typing import NDArray

AGE_GROUPS = ("20s", "30s", "40s", "60-and-over")
SEXES = ("female", "male", None)
PROFICIENCIES = ("beginner", "intermediate", "advanced")


@dataclass(frozen=True)
class Floor:
    """How much is made. Everything follows from the numbers here."""

    people: int = 4
    sessions: int = 3
    exercises: int = 5
    sets: int = 2
    negatives: int = 1
    sites: tuple[str, ...] = ("left-wrist",)
    set_s: float = 5.0
    seed: int = 0


def made_dataset(floor: Floor | None = None) -> Dataset:
    """Sets of several people; each exercise occurs in every session. `label` has no station, `fine` has."""
    floor = floor or Floor()
    examples = []
    for person in range(floor.people):
        style = replace(draw_style(np.random.default_rng([floor.seed, person])), true_rate_hz=float(RATE_HZ))
        for session in range(floor.sessions):
            rng = np.random.default_rng([floor.seed, person, session])
            number = 0
            for exercise in EXERCISES[: floor.exercises]:
                for _ in range(floor.sets):
                    number += 1
                    examples.append(_set(rng, style, exercise, floor, (person, session, number)))
            for _ in range(floor.negatives):
                number += 1
                examples.append(_negative(rng, style, floor, (person, session, number)))
    return dataset_of(examples, {}, "simulated people")


def _set(
    rng: np.random.Generator, style: Style, exercise: Exercise, floor: Floor, names: tuple[int, int, int]
) -> SetExample:
    lead = np.concatenate([movement.rest(rng, style, 3.0), movement.setup(rng, style, exercise)])[-LEAD_ROWS:]
    count = max(1, round(floor.set_s / exercise.repetition_s))
    done = movement.repetitions(rng, style, exercise, count)
    behind = movement.rest(rng, style, 1.0, after=exercise)
    kept = np.concatenate([done, behind])[:KEPT_ROWS]
    samples = _measured(rng, style, np.concatenate([lead, kept]), len(floor.sites))
    return _example(names, exercise, floor, samples, (len(lead), len(lead) + min(len(done), KEPT_ROWS)))


def _negative(rng: np.random.Generator, style: Style, floor: Floor, names: tuple[int, int, int]) -> SetExample:
    samples = _measured(rng, style, movement.rest(rng, style, 5.0), len(floor.sites))
    return _example(names, None, floor, samples, (0, len(samples)))


def _measured(rng: np.random.Generator, style: Style, signal: movement.Signal, sites: int) -> NDArray[np.int16]:
    """The wrist as it is; every further site sees less of the movement, from another side."""
    columns = [movement.as_measured(rng, style, signal)]
    for site in range(1, sites):
        turned = signal @ rotation(np.array([1.0, 2.0, float(site)]), 0.7 * site)
        columns.append(movement.as_measured(rng, style, turned * (1.0 - 0.1 * site)))
    return np.concatenate(columns, axis=1)


def _example(
    names: tuple[int, int, int],
    exercise: Exercise | None,
    floor: Floor,
    samples: NDArray[np.int16],
    rows: tuple[int, int],
) -> SetExample:
    person, session, number = names
    return SetExample(
        key=f"made/{floor.seed}/{person}/{session}/{number}",
        person=f"person-{person}",
        session=f"session-{session}",
        number=number,
        label=None if exercise is None else exercise.name,
        fine=None if exercise is None else exercise.at_station,
        sites=floor.sites,
        samples=samples,
        start_row=rows[0],
        end_row=rows[1],
        source_rate_hz=float(RATE_HZ),
        age_group=AGE_GROUPS[person % len(AGE_GROUPS)],
        sex=SEXES[person % len(SEXES)],
        proficiency=PROFICIENCIES[person % len(PROFICIENCIES)],
    )
