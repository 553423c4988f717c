"""Recognition on real recordings: the project's exported networks beside simpler models, under the same rules.

gymwatch: each session in turn is kept from the fit, out-of-fold answers are pooled, three times with other seeds.
muvr: each exercise is in one session only, so five parts by set, five times over; its "first second" is the third.

    KINELOG_RECORDINGS=FOLDER python -m benchmarks.recognition [--task gymwatch|muvr] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from kinelog.ml import scores
from kinelog.ml.bootstrap import bootstrap_mean
from kinelog.ml.recipes import ANY_WINDOW, BEFORE_THE_START, FIRST_SECOND, FROM_THE_START
from kinelog.ml.scores import Reals

from benchmarks.recognition_models import Peer, network, out_of_fold, peers
from benchmarks.recognition_tasks import JITTERS_MS, Task, gymwatch, muvr

EARLY_ENDS_MS = (0, -500, -1000)
EARLIEST_END_MS = -1500


@dataclass(frozen=True, slots=True)
class Row:
    """What one model reached, by name of the figure."""

    peer: str
    figures: dict[str, float]
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)


def first_second(task: Task, peer: Peer) -> Row:
    """Accuracy, macro-F1 over labels of enough sessions, calibration."""
    answers = out_of_fold(task, peer.fit(task), task.windows(1000))
    figures, interval = _judged(task, answers)
    return Row(peer.name, figures | _calibration(task, answers), {"accuracy": interval})


def before_the_mark(task: Task, peer: Peer) -> Row:
    """Accuracy by where the window ends, over marks that lie up to a quarter of a second off."""
    models = peer.fit(task)
    by_end = {}
    for end in (*EARLY_ENDS_MS, EARLIEST_END_MS):
        said = [out_of_fold(task, models, task.windows(end, jitter)) for jitter in JITTERS_MS]
        by_end[end] = float(np.mean([_right(task, answers) for answers in said]))
    figures = {f"end {end / 1000:g} s": share for end, share in by_end.items()}
    return Row(peer.name, {"mean of 0, -0.5, -1 s": float(np.mean([by_end[end] for end in EARLY_ENDS_MS]))} | figures)


def within_session(task: Task, peer: Peer) -> Row:
    """Accuracy among all labels, and among those of the session; calibration of the former."""
    answers = out_of_fold(task, peer.fit(task), task.windows(1000))
    session_of = np.array([task.sessions[task.targets.labels == label][0] for label in range(len(task.labels))])
    possible = session_of[None] == task.sessions[:, None]
    known = np.where(possible[None], answers + 1e-12, 0.0)
    figures, _ = _judged(task, answers)
    figures["group known"] = float(_right(task, known).mean())
    return Row(peer.name, figures | _calibration(task, answers))


def _right(task: Task, answers: Reals) -> Reals:
    """`(rounds, examples)`: 1 where the label was found."""
    return np.asarray(answers.argmax(axis=2) == task.targets.labels, dtype=np.float64)


def _judged(task: Task, answers: Reals) -> tuple[dict[str, float], tuple[float, float]]:
    truth, labels = task.targets.labels, len(task.labels)
    common = task.common_labels() or None
    macro = [scores.macro_f1(truth, scores.decisions(one), labels, common) for one in answers]
    right = _right(task, answers)
    interval = bootstrap_mean(right.mean(axis=0), task.sessions, seed=0)
    figures = {"accuracy": float(right.mean()), "macro-F1": float(np.mean(macro))}
    if len(answers) > 1:
        figures["spread"] = float(right.mean(axis=1).std())
    return figures, (interval.low, interval.high)


def _calibration(task: Task, answers: Reals) -> dict[str, float]:
    truth = task.targets.labels
    found: dict[str, list[float]] = {"ECE": [], "ECE less its own mean": [], "NLL": [], "Brier": []}
    for one in answers:
        shares = (one + 1e-9) / (one + 1e-9).sum(axis=1, keepdims=True)
        error = scores.expected_calibration_error(truth, shares)
        found["ECE"].append(error)
        found["ECE less its own mean"].append(error - scores.calibration_error_of_a_perfect_model(shares, seed=0))
        found["NLL"].append(scores.negative_log_likelihood(truth, shares))
        found["Brier"].append(scores.brier_score(truth, shares))
    return {name: float(np.mean(values)) for name, values in found.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--task", action="append", choices=["gymwatch", "muvr"], help="[default: both]")
    parser.add_argument("--networks-only", action="store_true", help="leave the simpler models out")
    parser.add_argument("--json", action="store_true", help="figures as JSON")
    asked = parser.parse_args()
    place = Path(os.environ.get("KINELOG_RECORDINGS", Path(__file__).parents[2] / "shared" / "data"))
    if not place.is_dir():
        sys.exit("KINELOG_RECORDINGS names no folder of real recordings: nothing was measured")
    measures = {"gymwatch": _gymwatch, "muvr": _muvr}
    report: dict[str, list[Row]] = {}
    for name in asked.task or measures:
        found = measures[name](place, networks_only=asked.networks_only)
        report |= found
        for title, rows in found.items() if not asked.json else ():
            _print(title, rows)
    if asked.json:
        print(json.dumps({title: [_named(row) for row in rows] for title, rows in report.items()}))


def _named(row: Row) -> dict[str, object]:
    return {"model": row.peer, "intervals": row.intervals, **row.figures}


def _gymwatch(place: Path, *, networks_only: bool) -> dict[str, list[Row]]:
    task = gymwatch(place)
    first = [network("network, any window", ANY_WINDOW), network("network, first second", FIRST_SECOND)]
    early = [network("network, any window", ANY_WINDOW), network("network, before the start", BEFORE_THE_START)]
    if not networks_only:
        first = [*peers(FIRST_SECOND.ends_ms, FIRST_SECOND.jitter_ms), *first]
        early = [*peers(BEFORE_THE_START.ends_ms, BEFORE_THE_START.jitter_ms), *early]
    title = f"gymwatch, {len(task.examples)} sets, {len(task.labels)} labels, {len(task.common_labels())} averaged"
    return {
        f"{title}: first second": [_told(first_second, task, peer) for peer in first],
        f"{title}: before the mark": [_told(before_the_mark, task, peer) for peer in early],
    }


def _muvr(place: Path, *, networks_only: bool) -> dict[str, list[Row]]:
    task = muvr(place)
    asked = [network("network", FROM_THE_START)]
    if not networks_only:
        asked = [*peers(FROM_THE_START.ends_ms, FROM_THE_START.jitter_ms), *asked]
    title = f"muvr, {len(task.examples)} sets, {len(task.labels)} labels, {task.left_out} sets of rare ones left out"
    return {title: [_told(within_session, task, peer) for peer in asked]}


def _told(judge: Callable[[Task, Peer], Row], task: Task, peer: Peer) -> Row:
    begun = time.monotonic()
    row = judge(task, peer)
    print(f"{task.name}: {peer.name}, {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    return row


def _print(title: str, rows: Sequence[Row]) -> None:
    names = list(rows[0].figures)
    print(f"\n{title}\n{'':28s}" + "".join(f"{name:>23s}" for name in names))
    for row in rows:
        cells = []
        for name in names:
            low_high = row.intervals.get(name)
            bounds = f" ({low_high[0]:.2f}-{low_high[1]:.2f})" if low_high else ""
            cells.append(f"{row.figures[name]:.3f}{bounds}".rjust(23))
        print(f"{row.peer:28s}" + "".join(cells))


if __name__ == "__main__":
    main()
