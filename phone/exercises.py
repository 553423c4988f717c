"""How the wrist moves in each exercise that the simulator knows.

A repetition turns the wrist from a starting posture about an axis and back, and moves it along a path. What the watch
measures follows: gravity seen from the turning wrist, and the acceleration along the path. The second before it, in
which a person takes up the weight or the handle, is a few characteristic jerks.
"""

from __future__ import annotations

from dataclasses import dataclass

Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Jerk:
    """One push of the set-up movement.

    Attributes:
        at_s: Its middle, in seconds from the beginning of the set-up.
        width_s: Standard deviation of its bell.
        push_mg: Its height along the watch's x, y and z.
    """

    at_s: float
    width_s: float
    push_mg: Vector


@dataclass(frozen=True, slots=True)
class Exercise:
    """A movement and the place where it is done.

    Attributes:
        name: `type:group/name`.
        station: Where it is done; appended to the name after `@`.
        posture: Direction of gravity at the start of a repetition (need not be a unit vector).
        axis: Axis of the wrist's turning.
        range_rad: How far it turns.
        path: Direction of the wrist's way.
        path_m: Length of the way.
        repetition_s: Duration of one repetition of a rested, average person.
        lift_share: Share of the repetition in which the weight goes up; the rest goes down, but for `hold_share`.
        hold_share: Share in which it is held.
        setup: The second before the first repetition.
        start_kg, step_kg: Weight of an average person's first set, and how it grows.
        repetitions: Of the first set.
    """

    name: str
    station: str | None
    posture: Vector
    axis: Vector
    range_rad: float
    path: Vector
    path_m: float
    repetition_s: float
    lift_share: float
    hold_share: float
    setup: tuple[Jerk, ...]
    start_kg: float
    step_kg: float
    repetitions: int

    @property
    def group(self) -> str:
        """Muscle groups, as the name says: `arms`, or `arms,shoulders`."""
        return self.name.partition(":")[2].partition("/")[0]

    @property
    def at_station(self) -> str:
        """The full name, station included."""
        return self.name if self.station is None else f"{self.name}@{self.station}"


EXERCISES = (
    Exercise(
        "resistanceTargeted:arms/biceps-curl", "dumbbells",
        posture=(-0.95, -0.2, -0.2), axis=(0.0, 1.0, 0.15), range_rad=2.3, path=(0.6, 0.0, 0.8), path_m=0.42,
        repetition_s=2.6, lift_share=0.42, hold_share=0.08,
        setup=(Jerk(0.2, 0.09, (-420, 120, 260)), Jerk(0.55, 0.12, (640, -80, 180)), Jerk(0.85, 0.06, (-180, 60, -90))),
        start_kg=10.0, step_kg=2.5, repetitions=14,
    ),
    Exercise(
        "resistanceTargeted:arms/rope-triceps-extension", "cable-1",
        posture=(0.35, -0.3, -0.9), axis=(0.0, 1.0, -0.1), range_rad=-1.5, path=(-0.8, 0.1, -0.6), path_m=0.35,
        repetition_s=2.2, lift_share=0.38, hold_share=0.1,
        setup=(Jerk(0.25, 0.12, (520, 340, -160)), Jerk(0.7, 0.08, (-380, -90, 300))),
        start_kg=20.0, step_kg=5.0, repetitions=15,
    ),
    Exercise(
        "resistanceTargeted:shoulders/dumbbell-side-rise", "dumbbells",
        posture=(-0.97, 0.1, -0.2), axis=(0.1, 0.2, 1.0), range_rad=1.45, path=(0.3, 0.9, 0.3), path_m=0.55,
        repetition_s=2.8, lift_share=0.45, hold_share=0.1,
        setup=(Jerk(0.3, 0.15, (-260, 480, 120)), Jerk(0.75, 0.07, (210, -320, -60))),
        start_kg=6.0, step_kg=1.0, repetitions=12,
    ),
    Exercise(
        "resistanceTargeted:shoulders/dumbbell-press", "bench-2",
        posture=(0.8, 0.2, -0.55), axis=(0.3, 1.0, 0.0), range_rad=0.45, path=(1.0, 0.05, 0.1), path_m=0.48,
        repetition_s=2.5, lift_share=0.4, hold_share=0.06,
        setup=(Jerk(0.2, 0.07, (780, 160, 240)), Jerk(0.5, 0.09, (-520, 140, -340)), Jerk(0.8, 0.08, (260, 0, 190))),
        start_kg=12.5, step_kg=2.5, repetitions=10,
    ),
    Exercise(
        "resistanceTargeted:chest/barbell-bench-press", "bench-1",
        posture=(0.15, 0.3, -0.94), axis=(1.0, 0.2, 0.0), range_rad=0.3, path=(0.1, 0.1, 0.98), path_m=0.4,
        repetition_s=2.9, lift_share=0.45, hold_share=0.05,
        setup=(Jerk(0.35, 0.14, (140, -220, 620)), Jerk(0.8, 0.1, (60, 180, -460))),
        start_kg=40.0, step_kg=5.0, repetitions=10,
    ),
    Exercise(
        "resistanceTargeted:chest/cable-cross-overs", "cable-1",
        posture=(-0.2, 0.95, -0.2), axis=(0.2, 0.1, 1.0), range_rad=-1.3, path=(0.7, -0.6, 0.3), path_m=0.6,
        repetition_s=3.1, lift_share=0.4, hold_share=0.15,
        setup=(Jerk(0.3, 0.1, (300, -540, 90)), Jerk(0.65, 0.13, (-160, 460, 200))),
        start_kg=10.0, step_kg=2.5, repetitions=12,
    ),
    Exercise(
        "resistanceTargeted:back/lat-pulldown-straight", "pulldown",
        posture=(0.93, -0.1, -0.3), axis=(0.0, 1.0, 0.3), range_rad=0.8, path=(-0.95, 0.0, 0.3), path_m=0.55,
        repetition_s=2.7, lift_share=0.4, hold_share=0.08,
        setup=(Jerk(0.2, 0.1, (900, -60, -200)), Jerk(0.6, 0.16, (-340, 120, 420))),
        start_kg=42.0, step_kg=7.0, repetitions=12,
    ),
    Exercise(
        "resistanceTargeted:back/dumbbell-row", "dumbbells",
        posture=(-0.85, 0.45, -0.25), axis=(0.0, 1.0, 0.0), range_rad=0.7, path=(0.9, 0.1, 0.3), path_m=0.38,
        repetition_s=2.1, lift_share=0.38, hold_share=0.1,
        setup=(Jerk(0.25, 0.1, (-600, 260, -140)), Jerk(0.6, 0.08, (320, -180, 80))),
        start_kg=20.0, step_kg=2.5, repetitions=10,
    ),
    Exercise(
        "resistanceTargeted:core/twist", "cable-1",
        posture=(0.1, 0.85, -0.5), axis=(1.0, 0.1, 0.2), range_rad=1.1, path=(0.2, 0.6, 0.75), path_m=0.7,
        repetition_s=2.0, lift_share=0.45, hold_share=0.05,
        setup=(Jerk(0.3, 0.18, (80, 420, 420)), Jerk(0.8, 0.09, (-120, -260, -240))),
        start_kg=20.0, step_kg=2.5, repetitions=16,
    ),
    Exercise(
        "resistanceTargeted:legs/leg-press", "leg-press",
        posture=(-0.3, -0.2, -0.93), axis=(0.0, 1.0, 0.0), range_rad=0.12, path=(0.5, 0.0, 0.86), path_m=0.08,
        repetition_s=3.2, lift_share=0.4, hold_share=0.05,
        setup=(Jerk(0.3, 0.1, (-160, -120, 380)), Jerk(0.7, 0.12, (240, 80, -180))),
        start_kg=80.0, step_kg=10.0, repetitions=12,
    ),
    Exercise(
        "resistanceWholeBody:back,legs/barbell-deadlift", "platform",
        posture=(-0.98, -0.05, -0.15), axis=(0.0, 1.0, 0.1), range_rad=0.25, path=(0.97, 0.0, 0.2), path_m=0.6,
        repetition_s=3.4, lift_share=0.4, hold_share=0.12,
        setup=(Jerk(0.35, 0.16, (-380, 60, 540)), Jerk(0.85, 0.06, (520, -40, -120))),
        start_kg=60.0, step_kg=10.0, repetitions=6,
    ),
    Exercise(
        "indoorsCardio:back,legs/rowing", "rower-1",
        posture=(0.2, -0.25, -0.95), axis=(0.1, 1.0, 0.0), range_rad=0.5, path=(0.95, 0.05, 0.2), path_m=1.1,
        repetition_s=2.3, lift_share=0.35, hold_share=0.02,
        setup=(Jerk(0.3, 0.12, (460, -120, 120)), Jerk(0.75, 0.1, (-560, 60, 140))),
        start_kg=0.0, step_kg=0.0, repetitions=45,
    ),
)  # fmt: skip
"""Enough kinds of movement for a gym floor: every muscle group, free weights, cables, a machine for endurance."""
