"""Which settings of a recipe hold best on changed sensors, and what such a choice is worth: a nested choice.

Each part in turn is kept aside. On inner folds of the rest, every variant of a recipe is asked about sets as they were
recorded and as other sensors would have brought them; the best one answers for the part, which had no say in it. What
is so pooled is what choosing gives on sets that no choice saw; the best of the variants' own figures is not.

    KINELOG_RECORDINGS=FOLDER python -m benchmarks.recognition_choice [--recipe NAME] [--variant NAME]
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
from kinelog.device.evaluation import Evaluator
from kinelog.ml.export import to_blob
from kinelog.ml.fit_job import FitResult
from kinelog.ml.genome import Genome
from kinelog.ml.recipes import ANY_WINDOW, BEFORE_THE_START, FIRST_SECOND, FROM_THE_START
from kinelog.ml.scores import Reals

from benchmarks.recognition_models import INNER_PARTS, fits, groups_of
from benchmarks.recognition_robustness import CHANGES, changed
from benchmarks.recognition_tasks import Split, Task, Windows, gymwatch, inner_splits, muvr

RECORDED = "as recorded"
CHOOSING = ("rotated by up to 20 degrees", "sampled at 20 Hz", "sampled at 10 Hz", "one packet in ten lost")
"""What variants are chosen by, beside sets as they were recorded; the other changes only judge."""

RECIPES: Mapping[str, tuple[str, Genome, tuple[int, ...]]] = {
    "any-window": ("gymwatch", ANY_WINDOW, (1000, 0, -500, -1000)),
    "first-second": ("gymwatch", FIRST_SECOND, (1000,)),
    "before-the-start": ("gymwatch", BEFORE_THE_START, (0, -500, -1000, -1500)),
    "from-the-start": ("muvr", FROM_THE_START, (1000,)),
}
"""The recordings, the recipe, and the ends of the windows that it is asked about."""

VARIANTS: Mapping[str, Mapping[str, object]] = {
    "plain": {"rotation_deg": 10.0, "thinned": 0.0},
    "thinned .35": {"rotation_deg": 10.0, "thinned": 0.35},
    "thinned .35, rotated 20": {"rotation_deg": 20.0, "thinned": 0.35},
    "rotated 20": {"rotation_deg": 20.0, "thinned": 0.0},
    "thinned .6": {"rotation_deg": 10.0, "thinned": 0.6},
}
"""Few, so that the best of them is not luck."""


@dataclass(frozen=True, eq=False, slots=True)
class Judged:
    """What a variant found, by change: share of the ends at which the label was right.

    Attributes:
        outer: `(rounds, examples)` by the fit that had not seen the example.
        inner: By split: the mean over its own examples, each by the inner fit that had not seen it.
    """

    outer: Mapping[str, Reals]
    inner: Mapping[str, Reals]

    def inner_score(self, splits: Sequence[int]) -> float:
        """What variants are compared by: half as recorded, half the mean of the changes that choose."""
        kept = {name: float(values[list(splits)].mean()) for name, values in self.inner.items()}
        return 0.5 * kept[RECORDED] + 0.5 * float(np.mean([kept[name] for name in CHOOSING]))


def judged(task: Task, genome: Genome, asked: Mapping[str, Sequence[Windows]]) -> Judged:
    """Fit a genome on every split and its inner splits, and ask about windows by change and end."""
    inner = [one for split in task.splits for one in inner_splits(task, split, INNER_PARTS)]
    made = fits(task, [*task.splits, *inner], genome)
    outer = {name: np.zeros((task.rounds, len(task.examples))) for name in asked}
    for split, result in zip(task.splits, made[: len(task.splits)], strict=True):
        for name, found in _right(task, genome, split, result, asked).items():
            outer[name][split.round, split.test] = found
    choosing = {name: asked[name] for name in (RECORDED, *CHOOSING)}
    kept: dict[str, list[float]] = {name: [] for name in choosing}
    for first in range(0, len(inner), INNER_PARTS):
        parts = zip(
            inner[first : first + INNER_PARTS], made[len(task.splits) :][first : first + INNER_PARTS], strict=True
        )
        said = [_right(task, genome, split, result, choosing) for split, result in parts]
        for name, shares in kept.items():
            shares.append(float(np.concatenate([one[name] for one in said]).mean()))
    return Judged(outer, {name: np.array(shares) for name, shares in kept.items()})


def _right(
    task: Task, genome: Genome, split: Split, result: FitResult, asked: Mapping[str, Sequence[Windows]]
) -> dict[str, Reals]:
    evaluator = Evaluator(to_blob(result, genome, groups_of(task, genome), 1.0, 0.0, None))
    truth = task.targets.labels[split.test]
    found = {}
    for name, ends in asked.items():
        said = evaluator.evaluate(np.concatenate([windows[split.test] for windows in ends])).probabilities
        found[name] = (said.argmax(axis=1).reshape(len(ends), -1) == truth).mean(axis=0)
    return found


def nested(task: Task, variants: Mapping[str, Judged]) -> tuple[dict[str, float], Counter[str]]:
    """What choosing gives, by change, and what was chosen how often. Repetitions of a part choose together."""
    together: dict[bytes, list[int]] = defaultdict(list)
    for number, split in enumerate(task.splits):
        together[split.test.tobytes()].append(number)
    chosen: Counter[str] = Counter()
    first = next(iter(variants.values()))
    answers = {name: np.zeros_like(values) for name, values in first.outer.items()}
    for numbers in together.values():
        best = max(variants, key=lambda name: variants[name].inner_score(numbers))
        chosen[best] += 1
        for split in (task.splits[number] for number in numbers):
            for name, values in answers.items():
                values[split.round, split.test] = variants[best].outer[name][split.round, split.test]
    return {name: float(values.mean()) for name, values in answers.items()}, chosen


def main() -> None:
    """Print a table for each recipe: variants, then what choosing among them gives."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--recipe", action="append", choices=list(RECIPES), help="[default: all]")
    parser.add_argument("--rounds", type=int, help="repetitions with other seeds [default: all]")
    parser.add_argument("--variant", action="append", choices=list(VARIANTS), help="[default: all]")
    asked = parser.parse_args()
    place = Path(os.environ.get("KINELOG_RECORDINGS", Path(__file__).parents[2] / "shared" / "data"))
    if not place.is_dir():
        sys.exit("KINELOG_RECORDINGS names no folder of real recordings: nothing was measured")
    for recipe in asked.recipe or RECIPES:
        _measure(place, recipe, asked.variant or list(VARIANTS), asked.rounds)


def _measure(place: Path, recipe: str, names: Sequence[str], rounds: int | None) -> None:
    recordings, genome, ends = RECIPES[recipe]
    task = {"gymwatch": gymwatch, "muvr": muvr}[recordings](place)
    task = replace(task, splits=tuple(split for split in task.splits if rounds is None or split.round < rounds))
    windows = {}
    for name, change in CHANGES.items():
        otherwise = changed(task, change)
        windows[name] = [otherwise.windows(end) for end in ends]
    print(f"\n{recordings}, {recipe}: share found, mean of ends {ends}\n{'':44}inner  " + "  ".join(_short(CHANGES)))
    variants = {}
    for name in names:
        begun = time.monotonic()
        variants[name] = judged(task, msgspec.structs.replace(genome, **VARIANTS[name]), windows)
        print(f"{recipe}, {name}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
        score = variants[name].inner_score(range(len(task.splits)))
        _print(name, score, {change: float(values.mean()) for change, values in variants[name].outer.items()})
    figures, chosen = nested(task, variants)
    _print("nested choice", float("nan"), figures)
    print("chosen: " + ", ".join(f"{name} {count} times" for name, count in chosen.most_common()), flush=True)


def _short(names: Sequence[str] | Mapping[str, object]) -> list[str]:
    return [f"{name.removeprefix('sampled at ').removeprefix('rotated by up to ')[:12]:>12}" for name in names]


def _print(name: str, score: float, figures: Mapping[str, float]) -> None:
    print(f"{name:42}{score:7.3f}  " + "  ".join(f"{value:12.3f}" for value in figures.values()), flush=True)


if __name__ == "__main__":
    main()
