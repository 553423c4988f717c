"""What a whole night publishes, on sessions that it was kept from, beside its recipes alone on the same sets.

gymwatch's sessions are kept aside in groups of days, one group behind the other. Each time a folder with the others is
made, `kinelog fit run` makes a night of it with its usual settings, and what it published is asked about the sessions
kept aside as `kinelog fit score` asks: as recorded, and as other sensors would have brought them. The recipes and
ExtraTrees see the same sets, all of them: what a night sets apart to confirm is its own affair.

`--whole` gives the night all other recordings of the folder too but exermote (3 450 phases on seven sensors, which take
hours and name no exercise), and keeps a quarter of muvr's sets aside beside.

    KINELOG_RECORDINGS=FOLDER python -m benchmarks.recognition_night [--groups 5] [--seed 1] [--whole]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from kinelog.device.evaluation import Evaluator
from kinelog.ml.baselines import fit_baseline
from kinelog.ml.batched_fit import fit_batch
from kinelog.ml.examples import Dataset
from kinelog.ml.export import to_blob
from kinelog.ml.fit_data import FitData
from kinelog.ml.fit_job import FitJob
from kinelog.ml.genome import Genome
from kinelog.ml.published_models import published_models
from kinelog.ml.recipes import ANY_WINDOW, BEFORE_THE_START, FIRST_SECOND, FROM_THE_START
from kinelog.ml.recording_traps import SESSIONS_OF_CAPTURES
from kinelog.ml.recordings import Reading, read_recordings
from kinelog.ml.scope_windows import training_windows
from kinelog.ml.scoring import score_dataset
from kinelog.ml.task_work import targets_of
from kinelog.registry.sqlite_model_store import SqliteModelStore

from benchmarks.held_out_folders import Line, copy_others, held_out, in_groups
from benchmarks.recognition_counts import PLACEMENTS, Counts, changed_data, counts_of, counts_of_score, pooled
from benchmarks.recognition_models import Answering
from benchmarks.recognition_robustness import CHANGES
from tests.ml.laid_arrays import laid_arrays

GYMWATCH, MUVR, EXERMOTE = "gymwatch", "muvr", "exermote"
NIGHT = "what the night published"
RECIPES: Mapping[str, Mapping[str, Genome]] = {
    GYMWATCH: {"any window": ANY_WINDOW, "first second": FIRST_SECOND, "before the start": BEFORE_THE_START},
    MUVR: {"from the start": FROM_THE_START, "any window": ANY_WINDOW},
}
SEEDS = 3
"""Of each recipe: one small network's luck is worth a point."""
ASKED = (
    "as recorded", "rotated by up to 20 degrees", "sampled at 25 Hz", "sampled at 20 Hz", "sampled at 10 Hz",
    "one packet in ten lost",
)  # fmt: skip
COMMON = ("BicepCurl", "CableRow", "InclinePress", "LateralRaise", "Pullups", "ShoulderPress", "TricepExt")
"""gymwatch's labels of at least three sessions and six sets."""
FEWEST_SETS = 2

Parts = defaultdict[tuple[str, str], list[Mapping[int, Counts]]]
"""By who answered and what was changed."""
Found = defaultdict[str, Parts]
"""By recording."""


def night(seen: Path, data: Path, seed: int, more: Sequence[str]) -> None:
    """Make one, in a process of its own, as a scheduler would."""
    asked = ["fit", "run", "--data", str(data), "--recordings", str(seen), "--seed", str(seed), *more]
    subprocess.run(
        [sys.executable, "-m", "kinelog.service", *asked], check=True, stdout=sys.stderr, stdin=subprocess.DEVNULL
    )


def answers_of_night(data: Path, kept: Dataset) -> dict[int, Counts]:
    """What `kinelog fit score` finds."""
    store = SqliteModelStore(data / "models" / "registry.sqlite")
    try:
        return counts_of_score(score_dataset(published_models(store), kept), kept)
    finally:
        store.close()


def recipe_answers(data: FitData, genome: Genome, seed: int) -> Answering:
    """The recipe fitted to all sets."""
    cut = training_windows(data, genome)
    everybody = np.unique(cut.rows.example_of)
    job = FitJob(
        genome, cut.windows, cut.rows.example_of, targets_of(data), everybody, data.names.sites, seed=seed
    )  # fmt: skip
    groups = data.names.groups if genome.fine_labels else tuple(range(len(data.names.labels)))
    evaluator = Evaluator(to_blob(fit_batch([job])[0], genome, groups, 1.0, 0.0, None))
    return lambda windows: evaluator.evaluate(windows).probabilities.astype(np.float64)


def trees_answers(data: FitData) -> Answering:
    """ExtraTrees on the features of the windows that the recipe for any window trains on."""
    cut = training_windows(data, ANY_WINDOW)
    return fit_baseline(
        "extra-trees", cut.windows, data.labels[cut.rows.example_of], len(data.names.labels), seed=0
    ).probabilities


def peers_of(data: FitData, recipes: Mapping[str, Genome]) -> dict[str, list[Answering]]:
    """What a night is held against, by name; several of the same name are averaged."""
    found = {name: [recipe_answers(data, genome, seed) for seed in range(SEEDS)] for name, genome in recipes.items()}
    return {**found, "ExtraTrees": [trees_answers(data)]}


def fit_data_of_folder(data: Dataset, folder: Path) -> FitData:
    """All labelled sets, of labels of which there are some."""
    labelled = [example for example in data.examples if example.label is not None]
    often = Counter(example.label or "" for example in labelled)
    labels = tuple(sorted(label for label, count in often.items() if count >= FEWEST_SETS))
    return laid_arrays(folder, labelled, [0] * len(labelled), labelled[0].sites, labels)


def measure(found: Found, models: Path, seen: Path, kept: Path, name: str, recipes: Mapping[str, Genome]) -> None:
    """Ask the night's models and the peers about one recording's sets that were kept aside."""
    aside = read(kept, name)
    data = fit_data_of_folder(read(seen, name), models.parent / f"arrays-{name}")
    peers = peers_of(data, recipes) if recipes else {}
    for change in ASKED:
        asked = changed_data(aside, CHANGES[change])
        found[name][NIGHT, change].append(answers_of_night(models, asked))
        for peer, fitted in peers.items():
            found[name][peer, change] += [counts_of(answer, data.names.labels, asked) for answer in fitted]


def read(folder: Path, name: str) -> Dataset:
    """A recording's sets, without stretches of nothing."""
    return read_recordings(folder, Reading(names=(name,), negatives=0))


class EveryFourth:
    """Of each exercise of muvr every fourth set, but none that a folder of captures has as well."""

    def __init__(self) -> None:
        self._seen: Counter[object] = Counter()

    def __call__(self, line: Line) -> bool:
        """Whether the set is kept aside; asked in order."""
        if line["session"] in SESSIONS_OF_CAPTURES.values():
            return False
        self._seen[line["exercise"]] += 1
        return self._seen[line["exercise"]] % 4 == 0


def one_group(place: Path, sessions: Sequence[str], found: Found, asked: argparse.Namespace) -> None:
    """A night without some of gymwatch's sessions."""
    with tempfile.TemporaryDirectory(prefix="kinelog-night-") as made:
        seen, kept, models = (Path(made, name) for name in ("seen", "kept", "models"))
        held_out(place, GYMWATCH, seen, kept, lambda line: line["session"] in sessions)
        names = [GYMWATCH]
        if asked.whole:
            held_out(place, MUVR, seen, kept, EveryFourth())
            copy_others(place, seen, {GYMWATCH, MUVR, EXERMOTE})
            names.append(MUVR)
        night(seen, models, asked.seed, asked.night)
        for name in names:
            measure(found, models, seen, kept, name, {} if asked.night_only else RECIPES[name])


def main() -> None:
    """Print a table for each recording."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--groups", type=int, default=5, help="of gymwatch's sessions [default: 5]")
    parser.add_argument("--only", type=int, action="append", help="of the groups; may be repeated [default: all]")
    parser.add_argument("--seed", type=int, default=1, help="of the nights [default: 1]")
    parser.add_argument("--night-only", action="store_true", help="leave recipes and ExtraTrees out")
    parser.add_argument("--whole", action="store_true", help="nights see the other recordings too")
    parser.add_argument("--night", action="append", default=[], help="option for `kinelog fit run`; may be repeated")
    asked = parser.parse_args()
    place = Path(os.environ.get("KINELOG_RECORDINGS", Path(__file__).parents[2] / "shared" / "data"))
    if not place.is_dir():
        sys.exit("KINELOG_RECORDINGS names no folder of real recordings: nothing was measured")
    listing = json.loads((place / f"{GYMWATCH}.json").read_text())
    groups = in_groups([line["session"] for line in listing["sets"]], asked.groups)
    found: Found = defaultdict(lambda: defaultdict(list))
    for number, sessions in enumerate(groups):
        if asked.only is None or number in asked.only:
            one_group(place, sessions, found, asked)
    for name, parts in found.items():
        print(table(name, parts))


def table(name: str, parts: Parts) -> str:
    """Shares found, by who answered and what was changed."""
    ends = [placement.end_ms for placement in PLACEMENTS]
    whole = pooled(parts[NIGHT, ASKED[0]])
    common = COMMON if name == GYMWATCH else sorted(whole[1000].sets)
    lines = [
        f"\n{name}: share found among {whole[1000].sets.total()} sets kept aside, by where windows end\n{'':58}"
        + "".join(f"{end / 1000:>8g} s" for end in ends)
        + "   0 to -1  macro-F1"
    ]
    for (who, change), found in parts.items():
        counts = pooled(found)
        shares = [counts[end].accuracy for end in ends]
        early = float(np.mean([counts[end].accuracy for end in (0, -500, -1000)]))
        cells = "".join(f"{share:10.3f}" for share in shares)
        lines.append(f"{change:32}{who:26}{cells}{early:10.3f}{counts[1000].macro_f1(common):10.3f}")
    first = whole[1000]
    said, right = first.answered / max(1, first.sets.total()), first.right_when_answered / max(1.0, first.answered)
    lines.append(f"{NIGHT}, first second as recorded: answers {said:.2f}, of these right {right:.2f}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
