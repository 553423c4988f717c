"""What one night leaves behind: the record that `kinelog fit show`, the report and the next night read.

A record holds figures, hashes and names of classes and clusters. It holds no person: it outlives an erasure, so people
are numbered within the record, and the numbers mean nothing outside it. It does not hold the genomes as typed values
either, only their settings as they were: a record stays readable when the genome's fields change. What a model is
rebuilt from is in the scope's population (`ml/population.py`), not here.
"""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec
from kinelog.ml.earlier_records import raised
from kinelog.ml.kept_state import UNREADABLE, StateFormatError, checked, with_hash

RECORD_SCHEMA: Final = 2
"""Of what is written; earlier ones are read too (`earlier_records.py`)."""

Scalar = bool | int | float | str | None
Setting = Scalar | tuple[Scalar | tuple[Scalar, ...], ...]

RunState = Literal["running", "done", "failed"]
Outcome = Literal["first", "promoted", "kept", "unconfirmed", "too-little-data", "refused"]


class RecordError(StateFormatError):
    """Bytes that are no record of a night, or of a schema that this program does not know."""


class Interval(msgspec.Struct, frozen=True):
    """A figure with the bounds of its bootstrap over people or sessions; shares between 0 and 1."""

    value: float
    low: float
    high: float


class Metrics(msgspec.Struct, frozen=True):
    """How one model did on sessions that did not train it.

    Attributes:
        windows: Judged, here and wherever a model is: a set counts at each end that is judged.
        groups: People or sessions that intervals are drawn over.
        accuracy, macro_f1: With a forced answer.
        nll, brier, ece: Of the probabilities.
        ece_excess: The calibration error less what a perfect model shows on as few windows.
        coverage: Share of the windows that a device would answer; of the others it is not sure enough.
    """

    windows: int
    groups: int
    accuracy: Interval
    macro_f1: Interval
    nll: float
    brier: float
    ece: float
    ece_excess: float
    coverage: float = 1.0


class NamedMetrics(msgspec.Struct, frozen=True):
    """A model or a baseline by name: `challenger`, `champion`, `gravity`, `logistic`, `extra-trees`."""

    name: str
    metrics: Metrics


class Comparison(msgspec.Struct, frozen=True):
    """The challenger less `against`, paired by window, in shares of 1; bounds of 90 % over people or sessions.

    `chance` is the probability of a difference as large between equal models.
    """

    against: str
    difference: float
    low: float
    high: float
    smallest_detectable: float
    chance: float = 1.0


class PromotionRecord(msgspec.Struct, frozen=True):
    """What the confirmation sessions said, and what became of it.

    Attributes:
        outcome: `first` (no champion before), `promoted`, `kept` (the champion stays), `unconfirmed` (there are no
            confirmation sessions), `too-little-data` (nothing was fitted), `refused` (export or publishing refused).
        reason: One sentence for the report.
        uses: How many times this confirmation set has been used, this time included.
    """

    outcome: Outcome
    reason: str
    comparisons: tuple[Comparison, ...] = ()
    confirmation_set: str = ""
    uses: int = 0


class LeaderboardEntry(msgspec.Struct, frozen=True):
    """A genome among the best of its scope. Its score chose it, so it is never a result to publish."""

    genome_id: str
    settings: Mapping[str, Setting]
    selection_score: float
    since_run: str
    masked: bool = False
    muvr_exportable: bool = False


class ConfusionMatrix(msgspec.Struct, frozen=True):
    """Windows by true label (row) and by decision (column); the last column counts those where the model abstained."""

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


class ReliabilityBin(msgspec.Struct, frozen=True):
    """Windows whose highest probability lay in [low, high): the mean of it, and the share that was right."""

    low: float
    high: float
    windows: int
    confidence: float
    accuracy: float


class ClassScore(msgspec.Struct, frozen=True):
    """One label."""

    label: str
    windows: int
    precision: float
    recall: float
    f1: float


class PersonScore(msgspec.Struct, frozen=True):
    """One person, by a number that means nothing outside this record."""

    number: int
    windows: int
    accuracy: float


class PublishedRecord(msgspec.Struct, frozen=True):
    """What phones get from this scope.

    Attributes:
        measured_sha256: The model that the figures are of, where it is another: of the same recipe, fitted without the
            confirmation sessions. Empty where the published model itself was measured.
    """

    version: int
    blob_sha256: str
    blob_bytes: int
    weight_bytes: int
    temperature: float
    abstain_below: float
    measured_sha256: str = ""


class ScopeRecord(msgspec.Struct, frozen=True):
    """One cluster with one combination of sensors.

    Attributes:
        data_cluster: The cluster whose data fitted it: `cluster` itself, or the ancestor that it backed off to.
        champion_before: Version that was champion when the night began; 0 if there was none.
        published: What is champion now (unchanged when the champion stayed); None if nothing ever was.
        confusion, reliability, classes, people: Of the challenger, on the confirmation sessions.
        settled: Whether what was decided has been done; a night that goes on after it was killed does the rest.
    """

    cluster: str
    sensors: tuple[str, ...]
    data_cluster: str
    labels: tuple[str, ...]
    examples: int
    sessions: int
    person_count: int
    candidates: int
    promotion: PromotionRecord
    leaderboard: tuple[LeaderboardEntry, ...] = ()
    best_muvr: LeaderboardEntry | None = None
    confirmation: tuple[NamedMetrics, ...] = ()
    confusion: ConfusionMatrix | None = None
    reliability: tuple[ReliabilityBin, ...] = ()
    classes: tuple[ClassScore, ...] = ()
    people: tuple[PersonScore, ...] = ()
    champion_before: int = 0
    published: PublishedRecord | None = None
    warnings: tuple[str, ...] = ()
    settled: bool = True

    @property
    def backed_off(self) -> bool:
        """Whether the cluster itself had too little data."""
        return self.data_cluster != self.cluster


class DatasetSummary(msgspec.Struct, frozen=True):
    """What the night saw, and what it did not take and why."""

    sha256: str
    note: str
    examples: int
    negatives: int
    sessions: int
    person_count: int
    confirmation_sessions: int
    labels: tuple[str, ...]
    dropped: Mapping[str, int]


class ClusterSummary(msgspec.Struct, frozen=True):
    """A cluster of people, how much there is of it, and the ancestor whose data it uses when that is too little.

    Attributes:
        left_out: Of `examples`, those that its pools do not take, since there are more than a night's `most_sets`.
        held_left_out: Of its sets that confirm, likewise.
    """

    name: str
    person_count: int
    examples: int
    sessions: int
    data_cluster: str
    left_out: int = 0
    held_left_out: int = 0


class SensorSummary(msgspec.Struct, frozen=True):
    """A combination of sites that people wear, and why it was left out, if it was."""

    sensors: tuple[str, ...]
    examples: int
    left_out: str | None = None


class PhaseCost(msgspec.Struct, frozen=True):
    """Seconds by the clock of one phase: `data`, `plan`, `select`, `refit`, `confirm`, `publish`."""

    phase: str
    seconds: float


class Cost(msgspec.Struct, frozen=True):
    """What the night took. `task_seconds` is the sum over workers, reused tasks not counted."""

    phases: tuple[PhaseCost, ...] = ()
    fits: int = 0
    tasks: int = 0
    tasks_reused: int = 0
    task_seconds: float = 0.0
    preparation_seconds: float = 0.0
    peak_worker_bytes: int = 0

    @property
    def seconds(self) -> float:
        """The whole night by the clock."""
        return sum(phase.seconds for phase in self.phases)

    @property
    def preparation_share(self) -> float:
        """Share of the work that went into data and not into fits; 0 when nothing was done."""
        before = sum(phase.seconds for phase in self.phases if phase.phase in {"data", "plan"})
        whole, prepared = self.task_seconds + before, self.preparation_seconds + before
        return prepared / whole if whole else 0.0


class NightRecord(msgspec.Struct, frozen=True):
    """One night of one tenant; times in milliseconds since 1970.

    Attributes:
        most_sets: Of a pool; 0 in records of nights that knew no bound.
    """

    run: str
    tenant: str
    state: RunState
    started_ms: int
    seed: int
    engine: str
    code_version: str
    candidates: int
    folds: int
    finished_ms: int | None = None
    previous_run: str | None = None
    dataset: DatasetSummary | None = None
    clusters: tuple[ClusterSummary, ...] = ()
    sensors: tuple[SensorSummary, ...] = ()
    scopes: tuple[ScopeRecord, ...] = ()
    cost: Cost = Cost()
    failure: str | None = None
    warnings: tuple[str, ...] = ()
    most_sets: int = 0
    schema: int = RECORD_SCHEMA


class _SchemaOnly(msgspec.Struct):
    schema: int


def record_bytes(record: NightRecord) -> bytes:
    """The record as JSON, as it is shown."""
    return msgspec.json.encode(record)


def stored_record(record: NightRecord) -> bytes:
    """The record as it is stored: with its hash."""
    return with_hash(record_bytes(record))


def record_of(data: bytes) -> NightRecord:
    """Read a record back.

    Raises:
        RecordError: The bytes are no record, or one of a newer schema.
    """
    try:
        whole = checked(data)
        schema = msgspec.json.decode(whole, type=_SchemaOnly).schema
        if schema == RECORD_SCHEMA:
            return msgspec.json.decode(whole, type=NightRecord)
        if 1 <= schema < RECORD_SCHEMA:
            return msgspec.convert(raised(msgspec.json.decode(whole), schema), NightRecord)
    except UNREADABLE as error:
        message = f"not the record of a night: {error}"
        raise RecordError(message) from error
    message = f"schema: {schema} is none of 1 to {RECORD_SCHEMA}; read it with the version that wrote it"
    raise RecordError(message)
