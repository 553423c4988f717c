"""A gym floor whose people train with watches of any rate: what the structured tables hold is known to the sample."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from kinelog.codecs.encoding import encode, make_block
from kinelog.codecs.values import Format, SensorKind
from kinelog.domain.identifiers import Person
from kinelog.domain.values import AgeGroup, Proficiency, Profile, Purpose, Sex, Source
from kinelog.phone import movement
from kinelog.phone.exercises import EXERCISES
from kinelog.phone.person import draw_style
from numpy.typing import NDArray

from tests.projections.gym_floor import GymFloor

PROFILE = Profile(AgeGroup.THIRTIES, Sex.FEMALE, Proficiency.BEGINNER)
REST_S = 30.0
BLOCK = 50


@dataclass(frozen=True)
class Watch:
    """A watch: what it says of its rate, what that truly is, and where it is worn (only `ae` and `ad` frames say)."""

    rate_hz: int = 50
    true_rate_hz: float = 50.0
    name: str = "watch"
    location: str | None = None


@dataclass(frozen=True)
class Done:
    """A set as it was done: interval in Unix milliseconds."""

    exercise: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True)
class Session:
    """A session that was sent, frame by frame."""

    person: Person
    session: str
    frames: list[bytes]
    sets: list[Done]


def enrolled(floor: GymFloor, name: str, *purposes: Purpose, profile: Profile = PROFILE) -> Person:
    """Somebody who told about themselves and consents."""
    person = floor.register(name)
    floor.tell(person, profile)
    for purpose in purposes:
        floor.consent(person, purpose)
    return person


def trained(
    floor: GymFloor,
    person: Person,
    number: int,
    watch: Watch | None = None,
    sets: int = 2,
    source: Source = Source.PERSON,
) -> Session:
    """A session: rest, a set, rest, … with the labels that say so."""
    watch = watch or Watch()
    rng = np.random.default_rng([7, number, watch.rate_hz])
    style = replace(draw_style(rng), true_rate_hz=watch.true_rate_hz)
    signal = [movement.rest(rng, style, REST_S)]
    marks = []
    for index in range(sets):
        exercise = EXERCISES[index]
        signal.append(movement.setup(rng, style, exercise))
        first = sum(map(len, signal))
        signal.append(movement.repetitions(rng, style, exercise, 3))
        marks.append((exercise.at_station, first, sum(map(len, signal))))
        signal.append(movement.rest(rng, style, REST_S))
    samples = movement.as_measured(rng, style, np.concatenate(signal))
    floor.now_ms += 1000
    began = floor.now_ms // 1000 * 1000
    session = floor.start(person, number, began)
    frames = [frame(samples, watch, began, at) for at in range(0, len(samples), BLOCK)]
    for sequence, data in enumerate(frames):
        floor.send(person, session, sequence, data, device=watch.name)

    def time_ms(row: int) -> int:
        return began + round(row * 1000 / watch.true_rate_hz)

    done = [Done(name, time_ms(first), time_ms(last)) for name, first, last in marks]
    for one in done:
        floor.label(person, session, one.start_ms, one.end_ms, one.exercise, source)
    floor.now_ms = max(floor.now_ms, time_ms(len(samples)))
    floor.end(person, session)
    return Session(person, session, frames, done)


def frame(samples: NDArray[np.int16], watch: Watch, began_ms: int, at: int) -> bytes:
    """A frame of the samples from `at` on, with the watch's clock on it."""
    rows = samples[at : at + BLOCK]
    start_ms = began_ms + round(at * 1000 / watch.true_rate_hz)
    end_ms = began_ms + round((at + len(rows)) * 1000 / watch.true_rate_hz)
    block = make_block(
        SensorKind.ACCELEROMETER, rows, watch.rate_hz, watch.location, sequence=at // BLOCK % 256,
        start_ms=start_ms, duration_ms=end_ms - start_ms,
    )  # fmt: skip
    return encode(Format.AD if watch.location else Format.MUVR16, [block])
