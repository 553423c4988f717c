"""The data set of a tenant, from the structured tables: labelled sets of the people who consent to it.

People are read one after the other and given one after the other: what lies in memory is one person's samples and the
tenant's list of labels, however many people there are.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from kinelog.domain.identifiers import person_of
from kinelog.domain.values import Purpose
from kinelog.ml.cutting import KEPT_MS, LEAD_MS, Cut, cut
from kinelog.ml.examples import Dataset, SetExample, dataset_of
from kinelog.ml.gates import DEFAULT_GATES, Gates, Refused
from kinelog.ml.tables import signals_of
from kinelog.projections.read_side import ReadSide
from kinelog.projections.rows import LabelRow, PersonRow

PEOPLE_A_PAGE = 500
LOOK_BACK_MS = 6_000
"""How far before an interval rows are read: the first row of a block says whether the block has lost samples, and the
longest block of a watch (255 samples at 50 Hz) lasts five seconds."""
ROW_MS = 1_500
"""Longest row of samples, and some."""
MAX_ROWS = 4_096
"""Of one set: a quarter of a minute of 270 sensors."""
APART_MS = 6_000
"""Least time between a set and what counts as nothing: farther than any window before a start reaches."""
PIECE_MS = 10_000
VIEWS = frozenset({"people", "labels_by_exercise", "samples_by_session"})
"""What a data set is read from."""


class Shared(StrEnum):
    """Who may use the models."""

    TENANT = "tenant"
    EVERYBODY = "shared"


NEEDED = {
    Shared.TENANT: frozenset({Purpose.TRAINING_MODELS.value}),
    Shared.EVERYBODY: frozenset({Purpose.TRAINING_MODELS.value, Purpose.SHARED_MODELS.value}),
}
"""Purposes that a person has to consent to."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What a data set is made of.

    Attributes:
        shared: Who may use what is learnt: says which consent is needed.
        least_confidence: Of a device's label that nobody has confirmed.
        negatives: Most pieces of nothing out of one session.
        gates: What is too poor.
    """

    shared: Shared = Shared.TENANT
    least_confidence: float = 0.8
    negatives: int = 2
    gates: Gates = DEFAULT_GATES


@dataclass(frozen=True, eq=False, slots=True)
class PersonExamples:
    """What one person gives."""

    person: PersonRow
    examples: tuple[SetExample, ...]


def dataset_of_tenant(read_side: ReadSide, tenant: str, selection: Selection | None = None) -> Dataset:
    """Everything in one data set, in memory; see `examples_by_person` for large tenants.

    Raises:
        ViewsUnavailableError: The tables cannot be read.
    """
    dropped: Counter[str] = Counter()
    people = examples_by_person(read_side, tenant, dropped, selection)
    examples = [example for person in people for example in person.examples]
    return dataset_of(examples, +dropped, f"tenant {tenant}")


def examples_by_person(
    read_side: ReadSide,
    tenant: str,
    dropped: Counter[str],
    selection: Selection | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Iterator[PersonExamples]:
    """The people who consent, one after the other, with what they give.

    Args:
        read_side: The tables of either store; one that knows of erasures before the tables do.
        tenant: Whose.
        dropped: Gets counts of what is left out, by reason.
        selection: What is wanted; the tenant's own models when absent.
        progress: Told how many labels are looked at, of how many.

    Raises:
        ViewsUnavailableError: The tables cannot be read.
    """
    selection = selection or Selection()
    labels: dict[str, list[LabelRow]] = defaultdict(list)
    for label in read_side.labels(tenant):
        labels[label.person].append(label)
    total, done = sum(map(len, labels.values())), 0
    for person in consenting(read_side, tenant, selection.shared, dropped, labels):
        own = labels.pop(person.person, [])
        examples = tuple(_examples(read_side, tenant, person, own, dropped, selection))
        done += len(own)
        progress(done, total)
        if examples:
            yield PersonExamples(person, examples)
    progress(total, total)


def consenting(
    read_side: ReadSide,
    tenant: str,
    shared: Shared,
    dropped: Counter[str] | None = None,
    labels: dict[str, list[LabelRow]] | None = None,
) -> Iterator[PersonRow]:
    """People who consent now, by pseudonym.

    A person with events that could not be folded is left out: what waits may be a withdrawal, or a deletion.

    Args:
        read_side: The tables.
        tenant: Whose.
        shared: Who may use what is learnt.
        dropped: Gets counts of the labels of those who are left out.
        labels: By person.
    """
    waiting = {person_of(row.entity).pseudonym for row in read_side.parked() if row.view in VIEWS}
    after: str | None = None
    while page := read_side.people(tenant, after, PEOPLE_A_PAGE):
        after = page[-1].person
        for person in page:
            reason = None
            if not NEEDED[shared] <= set(person.consents):
                reason = "no consent"
            elif person.person in waiting:
                reason = "events of the person wait to be folded"
            if reason is None:
                yield person
            elif dropped is not None and labels is not None:
                dropped[reason] += len(labels.pop(person.person, []))


def _examples(
    read_side: ReadSide,
    tenant: str,
    person: PersonRow,
    labels: Sequence[LabelRow],
    dropped: Counter[str],
    selection: Selection,
) -> Iterator[SetExample]:
    by_session: dict[str, list[LabelRow]] = defaultdict(list)
    for label in labels:
        by_session[label.session].append(label)
    for session, of_session in sorted(by_session.items()):
        reader = _SessionReader(read_side, tenant, person, session, dropped, selection)
        of_session.sort(key=lambda label: (label.start_ms, label.number))
        for label in of_session:
            if is_trusted(label, selection.least_confidence):
                yield from reader.of_label(label)
            else:
                dropped["neither confirmed nor confident"] += 1
        for number, (start_ms, end_ms) in enumerate(_pauses(of_session)[: selection.negatives], start=1):
            yield from reader.of_pause(number, start_ms, end_ms)


def is_trusted(label: LabelRow, least_confidence: float) -> bool:
    """Whether a person or a trainer said so, or a device that was sure."""
    return label.confirmed or (label.confidence is not None and label.confidence >= least_confidence)


def _pauses(labels: Sequence[LabelRow]) -> list[tuple[int, int]]:
    """Ten seconds in the middle of pauses between sets, the longest pauses first."""
    found = []
    busy_until = labels[0].end_ms if labels else 0
    for label in labels[1:]:
        low, high = busy_until + APART_MS, label.start_ms - APART_MS
        if high - low >= PIECE_MS:
            middle = (low + high) // 2
            found.append((low - high, middle - PIECE_MS // 2))
        busy_until = max(busy_until, label.end_ms)
    return [(start_ms, start_ms + PIECE_MS) for _, start_ms in sorted(found)]


@dataclass(slots=True)
class _SessionReader:
    """Cuts examples out of one session's samples."""

    read_side: ReadSide
    tenant: str
    person: PersonRow
    session: str
    dropped: Counter[str]
    selection: Selection

    def of_label(self, label: LabelRow) -> Iterator[SetExample]:
        """The example of a set, if it passes the gates."""
        name = label.exercise.partition("@")[0]
        low, high = label.start_ms - int(LEAD_MS) - LOOK_BACK_MS, label.start_ms + int(KEPT_MS) + ROW_MS
        yield from self._cut((low, high), (label.start_ms, label.end_ms), label.number, (name, label.exercise))

    def of_pause(self, number: int, start_ms: int, end_ms: int) -> Iterator[SetExample]:
        """A piece of nothing; one that does not pass is not missed."""
        yield from self._cut((start_ms - LOOK_BACK_MS, end_ms), (start_ms, end_ms), -number, None)

    def _cut(
        self, around: tuple[int, int], interval: tuple[int, int], number: int, names: tuple[str, str] | None
    ) -> Iterator[SetExample]:
        rows = self.read_side.samples(self.tenant, self.person.person, self.session, *around, MAX_ROWS)
        signals = signals_of(rows)
        if names is None:  # a row that begins in a pause may end in the set behind it
            signals = {site: signal.between(*interval) for site, signal in signals.items()}
        made: Cut | Refused
        if len(rows) == MAX_ROWS:
            made = Refused.CROWDED
        elif not signals and any(row.lost for row in rows):
            made = Refused.LOSSY
        else:
            made = cut(signals, *interval, self.selection.gates)
        if isinstance(made, Refused):
            if names is not None:
                self.dropped[made.value] += 1
            return
        for why in made.refused.values():
            self.dropped[f"one site: {why.value}"] += 1
        numbered = f"{number:05d}" if number >= 0 else f"pause-{-number}"
        yield SetExample(
            key=f"{self.tenant}/{self.person.person}/{self.session}/{numbered}",
            person=self.person.person,
            session=self.session,
            number=number,
            label=None if names is None else names[0],
            fine=None if names is None else names[1],
            sites=made.sites,
            samples=made.samples,
            start_row=made.start_row,
            end_row=made.end_row,
            source_rate_hz=made.rate_hz,
            age_group=self.person.age_group,
            sex=self.person.sex,
            proficiency=self.person.proficiency,
        )
