"""Records of two nights as a reader would meet them, made by the same code that judges real models."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
from kinelog.ml.confirmed_figures import detail, named_metrics
from kinelog.ml.promotion import ConfirmedScore, decide
from kinelog.ml.run_record import (
    ClusterSummary,
    Cost,
    DatasetSummary,
    LeaderboardEntry,
    NightRecord,
    PhaseCost,
    PublishedRecord,
    ScopeRecord,
    SensorSummary,
    Setting,
)

LABELS = ("bench-press", "biceps-curl", "lateral-raise", "rowing", "squat", "triceps-extension")
HOSTILE = "<script>alert('x')</script>\"&$x^2$"
NIGHT_MS = 1_772_416_800_000


@dataclass(frozen=True)
class Confirming:
    """Sets of a few people, and models that answer them."""

    seed: int = 0
    sessions: int = 30
    sets: int = 6
    people: int = 14

    def score(self, name: str, skill: float) -> ConfirmedScore:
        """A model that is right about as often as `skill` says."""
        rng = np.random.default_rng([self.seed, *name.encode()])
        rows = self.sessions * self.sets
        truth = np.random.default_rng(self.seed).integers(0, len(LABELS), rows)
        sessions = np.repeat(np.arange(self.sessions), self.sets)
        sure = np.clip(rng.beta(6, 2, rows), 0.3, 0.99)
        right = rng.random(rows) < np.clip(skill + (sure - 0.75) * 0.8, 0, 1)
        said = np.where(right, truth, (truth + rng.integers(1, 3, rows)) % len(LABELS))
        probabilities = np.repeat((1 - sure)[:, np.newaxis] / (len(LABELS) - 1), len(LABELS), axis=1)
        probabilities[np.arange(rows), said] = sure
        return ConfirmedScore(name, f"{self.seed:064x}", truth, probabilities, sessions % self.people, sessions, 0.5)


def made_scope(cluster: str, sensors: tuple[str, ...], gain: float, seed: int = 0) -> ScopeRecord:
    """A scope whose winner is better than its champion by `gain`."""
    asked = Confirming(seed)
    challenger, champion = asked.score("challenger", 0.8 + gain), asked.score("champion", 0.8)
    baselines = {name: asked.score(name, skill) for name, skill in (("gravity", 0.5), ("logistic", 0.7))}
    found = detail(challenger, LABELS)
    return ScopeRecord(
        cluster=cluster,
        sensors=sensors,
        data_cluster=cluster if gain else "f",
        labels=LABELS,
        examples=720,
        sessions=120,
        person_count=14,
        candidates=30,
        promotion=decide(challenger, champion, baselines, uses=3, seed=1),
        leaderboard=tuple(_entry(number) for number in range(3)),
        best_muvr=_entry(7),
        confirmation=tuple(named_metrics(one, seed=1) for one in (challenger, champion, *baselines.values())),
        confusion=found.confusion,
        reliability=found.reliability,
        classes=found.classes,
        people=found.people,
        champion_before=4,
        published=PublishedRecord(5 if gain else 4, "ab" * 32, 30_000, 24_612, 1.3, 0.5),
    )


def _entry(number: int) -> LeaderboardEntry:
    settings: dict[str, Setting] = {"dense": (64, 24), "front_end": "features/1", "dropout": 0.2, "seed": number}
    return LeaderboardEntry(f"{number:064x}", settings, 0.9 - number / 100, "night-1", masked=number == 1)


def made_record() -> NightRecord:
    """The second of two nights."""
    return NightRecord(
        run="night-2",
        tenant="alpine",
        state="done",
        started_ms=NIGHT_MS,
        finished_ms=NIGHT_MS + 3_600_000,
        seed=1,
        engine="processes:2",
        code_version="0.1.0",
        candidates=30,
        folds=5,
        previous_run="night-1",
        dataset=DatasetSummary("cd" * 32, "simulated people", 720, 60, 120, 14, 30, LABELS, {"gap": 4, "clipped": 1}),
        clusters=(ClusterSummary("all", 14, 720, 120, "all", 120, 30), ClusterSummary("f-30s", 3, 120, 20, "f")),
        sensors=(SensorSummary(("left-wrist",), 720), SensorSummary(("waist",), 3, "fewer than 60 sets")),
        scopes=(made_scope("all", ("left-wrist",), 0.12), made_scope("f-30s", ("left-wrist", "waist"), 0.0, 1)),
        cost=Cost((PhaseCost("data", 20.0), PhaseCost("select", 3000.0)), 300, 40, 3, 5800.0, 300.0, 900_000_000),
        most_sets=600,
    )


def night_before(record: NightRecord) -> NightRecord:
    """The first night: less data, other models, shorter."""
    assert record.dataset is not None
    first = record.scopes[0]
    assert first.published is not None
    published = msgspec.structs.replace(first.published, version=4)
    data = msgspec.structs.replace(
        record.dataset, sha256="ef" * 32, examples=700, labels=LABELS[1:], dropped={"gap": 2}
    )
    return msgspec.structs.replace(
        record,
        run="night-1",
        started_ms=NIGHT_MS - 86_400_000,
        dataset=data,
        clusters=(msgspec.structs.replace(record.clusters[1], data_cluster="all"),),
        most_sets=0,
        scopes=(msgspec.structs.replace(first, published=published, leaderboard=first.leaderboard[:2]),),
        cost=Cost((PhaseCost("select", 1000.0),)),
        previous_run=None,
    )
