"""What one simulated person does in one session: sets and rests, one after the other, from a seed.

The script holds nothing it has produced: it can be read again from its start and gives the same frames, which is how a
frame is re-sent without every phone keeping all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from kinelog.codecs.values import Format
from kinelog.phone.client import SetCorrection, SetLabel
from kinelog.phone.exercises import EXERCISES, Exercise
from kinelog.phone.movement import as_measured, repetitions, rest, setup
from kinelog.phone.person import Style, draw_style
from kinelog.phone.watch import Watch, WatchFrame

CONFUSED_SHARE = 0.15
"""How often the watch takes one exercise for another."""


@dataclass(frozen=True, slots=True)
class SetDone:
    """A set is over and the watch has recognised it.

    Attributes:
        due_ms: When the phone knows.
        label: What the watch recognised.
        correction: What the person says it was, or None when the person leaves it.
    """

    due_ms: int
    label: SetLabel
    correction: SetCorrection | None


@dataclass(frozen=True, slots=True)
class SessionScript:
    """A session to come.

    Attributes:
        seed: Of the whole simulation.
        person: Number of the person; with the seed it fixes style and movement.
        visit: Number of the person's session.
        started_ms: When it starts, Unix milliseconds.
        minutes: How long it lasts, by the watch's clock.
        layout: Layout of the watch's frames.
    """

    seed: int
    person: int
    visit: int
    started_ms: int
    minutes: float
    layout: Format = Format.AE

    @property
    def style(self) -> Style:
        """The person; the same in every visit."""
        return draw_style(np.random.default_rng([self.seed, self.person]))

    @property
    def groups(self) -> tuple[str, ...]:
        """Muscle groups that the person intends to train."""
        return tuple(sorted({group for exercise in self._exercises() for group in exercise.group.split(",")}))

    def steps(self) -> Iterator[WatchFrame | SetDone]:
        """Frames and sets in the order in which the phone gets them."""
        rng = np.random.default_rng([self.seed, self.person, self.visit])
        style = self.style
        watch = Watch(style, self.layout, self.started_ms)
        end_ms = self.started_ms + round(self.minutes * 60_000)
        exercises = self._exercises()
        yield from watch.take(as_measured(rng, style, rest(rng, style, rng.uniform(3.0, 12.0))))
        number = 0
        while watch.now_ms < end_ms:
            exercise = exercises[number // 3 % len(exercises)]
            yield from _one_set(rng, style, watch, exercise, number % 3)
            pause = min(float(rng.uniform(25.0, 70.0)), max(1.0, (end_ms - watch.now_ms) / 1000))
            yield from watch.take(as_measured(rng, style, rest(rng, style, pause, exercise)))
            number += 1
        yield from watch.flush()

    def _exercises(self) -> tuple[Exercise, ...]:
        rng = np.random.default_rng([self.seed, self.person, self.visit, 1])
        chosen = rng.choice(len(EXERCISES), size=4, replace=False)
        return tuple(EXERCISES[index] for index in chosen)


def _one_set(
    rng: np.random.Generator, style: Style, watch: Watch, exercise: Exercise, number: int
) -> Iterator[WatchFrame | SetDone]:
    """Set-up and repetitions of one set; heavier and shorter than the set before."""
    count = max(3, round(exercise.repetitions * (1.0 - 0.15 * number) * float(rng.normal(1.0, 0.1))))
    start_ms = watch.now_ms
    signal = np.concatenate([setup(rng, style, exercise), repetitions(rng, style, exercise, count)])
    yield from watch.take(as_measured(rng, style, signal))
    steps = round(exercise.start_kg * style.strength / exercise.step_kg) + number if exercise.step_kg else 0
    weight_kg = max(exercise.step_kg, steps * exercise.step_kg) or None
    yield _recognised(rng, style, exercise, (start_ms, watch.now_ms), count, weight_kg)


def _recognised(
    rng: np.random.Generator,
    style: Style,
    exercise: Exercise,
    interval_ms: tuple[int, int],
    count: int,
    weight_kg: float | None,
) -> SetDone:
    """What the watch makes of a set, right or wrong, and what the person says to it."""
    confused = rng.random() < CONFUSED_SHARE
    seen = EXERCISES[int(rng.integers(len(EXERCISES)))] if confused else exercise
    counted = max(1, count + int(rng.integers(-1, 2)))
    intensity = float(np.clip(rng.normal(0.6, 0.15), 0.05, 1.0))
    label = SetLabel(
        *interval_ms,
        seen.at_station,
        "device",
        repetitions=counted,
        weight_kg=weight_kg,
        intensity=round(intensity, 2),
        confidence=round(float(rng.uniform(0.35, 0.7) if confused else rng.uniform(0.6, 0.99)), 2),
        label_id=f"set-{interval_ms[0]}",
    )
    right = seen is exercise and counted == count
    if rng.random() >= (style.corrects if right else 2.0 * style.corrects):
        return SetDone(interval_ms[1], label, None)
    correction = SetCorrection(
        exercise.at_station, "person", repetitions=count, weight_kg=weight_kg, intensity=round(intensity, 2)
    )
    return SetDone(interval_ms[1], label, correction)
