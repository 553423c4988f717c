"""The table behind the exercise catalogue: what is typical of the exercises that most gyms offer."""

from __future__ import annotations

_MACHINE = (5.0, 5.0, 150.0)
_STACK = (7.0, 7.0, 140.0)
_CABLE = (2.5, 2.5, 100.0)
_DUMBBELL = (1.0, 0.5, 60.0)
_BARBELL = (10.0, 2.5, 250.0)

COMMON: tuple[tuple[str, tuple[float, float, float] | None, float, float], ...] = (
    # exercise, weights in kg (lightest, step, heaviest), typical set in s, one repetition in s
    ("resistanceTargeted:arms/straight-bar-biceps-curl", _CABLE, 40.0, 3.0),
    ("resistanceTargeted:arms/rope-biceps-curl", _CABLE, 40.0, 3.0),
    ("resistanceTargeted:arms/dumbbell-biceps-curl", _DUMBBELL, 40.0, 3.0),
    ("resistanceTargeted:arms/alt-dumbbell-biceps-curl", _DUMBBELL, 50.0, 3.5),
    ("resistanceTargeted:arms/barbell-biceps-curl", _BARBELL, 40.0, 3.0),
    ("resistanceTargeted:arms/biceps-curl", _CABLE, 40.0, 3.0),
    ("resistanceTargeted:arms/hammer-curl", _DUMBBELL, 40.0, 3.0),
    ("resistanceTargeted:arms/straight-bar-triceps-extension", _CABLE, 40.0, 2.5),
    ("resistanceTargeted:arms/rope-triceps-extension", _CABLE, 40.0, 2.5),
    ("resistanceTargeted:arms/overhead-triceps-extension", _DUMBBELL, 40.0, 3.0),
    ("resistanceTargeted:arms,chest/triceps-dips", None, 35.0, 2.5),
    ("resistanceTargeted:back,shoulders/cable-deltoid-cross-overs", _CABLE, 40.0, 3.5),
    ("resistanceTargeted:back,shoulders/deltoid-row", _STACK, 40.0, 3.0),
    ("resistanceTargeted:back/leverage-high-row", _MACHINE, 35.0, 3.5),
    ("resistanceTargeted:back/lat-pulldown-straight", _STACK, 35.0, 3.0),
    ("resistanceTargeted:back/lat-pulldown-angled", _STACK, 35.0, 3.0),
    ("resistanceTargeted:back/dumbbell-row", _DUMBBELL, 35.0, 3.0),
    ("resistanceTargeted:back/seated-row", _STACK, 35.0, 3.0),
    ("resistanceTargeted:back/barbell-row", _BARBELL, 35.0, 3.0),
    ("resistanceTargeted:back,arms/pull-up", None, 30.0, 3.5),
    ("resistanceTargeted:chest/dumbbell-chest-press", _DUMBBELL, 40.0, 3.5),
    ("resistanceTargeted:chest/angle-chest-press", _MACHINE, 40.0, 3.5),
    ("resistanceTargeted:chest/dumbbell-chest-fly", _DUMBBELL, 40.0, 4.0),
    ("resistanceTargeted:chest/cable-cross-overs", _CABLE, 40.0, 3.5),
    ("resistanceTargeted:chest,back/overhead-pull", _DUMBBELL, 40.0, 3.5),
    ("resistanceTargeted:chest/barbell-bench-press", _BARBELL, 35.0, 3.5),
    ("resistanceTargeted:chest,arms/push-up", None, 35.0, 2.0),
    ("resistanceTargeted:core/pulldown-crunch", _STACK, 45.0, 2.5),
    ("resistanceTargeted:core/side-dips", _DUMBBELL, 45.0, 2.5),
    ("resistanceTargeted:core/twist", _MACHINE, 45.0, 2.5),
    ("resistanceTargeted:core/crunch", None, 40.0, 2.0),
    ("resistanceTargeted:core/plank", None, 60.0, 60.0),
    ("resistanceTargeted:shoulders/barbell-press", _BARBELL, 35.0, 3.5),
    ("resistanceTargeted:shoulders/dumbbell-press", _DUMBBELL, 35.0, 3.5),
    ("resistanceTargeted:shoulders/dumbbell-side-rise", _DUMBBELL, 40.0, 3.0),
    ("resistanceTargeted:shoulders/dumbbell-front-rise", _DUMBBELL, 40.0, 3.0),
    ("resistanceTargeted:shoulders,back/face-pull", _CABLE, 40.0, 3.0),
    ("resistanceTargeted:legs/leg-press", _MACHINE, 45.0, 4.0),
    ("resistanceTargeted:legs/leg-extension", _STACK, 40.0, 3.0),
    ("resistanceTargeted:legs/leg-curl", _STACK, 40.0, 3.0),
    ("resistanceTargeted:legs/calf-raise", _MACHINE, 40.0, 2.0),
    ("resistanceTargeted:legs/dumbbell-lunge", _DUMBBELL, 45.0, 3.5),
    ("resistanceWholeBody:legs,core/barbell-squat", _BARBELL, 40.0, 4.0),
    ("resistanceWholeBody:back,legs/barbell-deadlift", _BARBELL, 35.0, 4.5),
    ("resistanceWholeBody:legs,core/kettlebell-swing", (4.0, 4.0, 48.0), 40.0, 1.8),
    ("resistanceWholeBody:chest,legs/burpee", None, 40.0, 4.0),
    ("indoorsCardio:back,legs/rowing", None, 600.0, 2.4),
    ("indoorsCardio:legs/cycling", None, 1200.0, 0.8),
    ("indoorsCardio:legs/running", None, 1200.0, 0.75),
    ("indoorsCardio:legs,arms/cross-trainer", None, 900.0, 1.2),
)
