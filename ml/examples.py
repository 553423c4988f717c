"""What models are fitted to: labelled sets as samples at 50 Hz, and data sets of them with a hash of their content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 50
"""Samples a second of every example, whatever its source took."""
LEAD_ROWS = 4 * RATE_HZ
"""Most rows that are kept from before the labelled start: windows end up to 2 s before it, 1 s long, shifted by 1 s."""
KEPT_ROWS = 10 * RATE_HZ
"""Most rows that are kept from the labelled start on."""


class ExampleError(ValueError):
    """An example whose parts do not fit together.

    Attributes:
        field: Name of the field at fault.
    """

    def __init__(self, field: str, reason: str) -> None:
        """Remember the field."""
        super().__init__(f"{field}: {reason}")
        self.field = field


@dataclass(frozen=True, eq=False, slots=True)
class SetFacts:
    """What is said of a labelled set, or of a stretch in which nothing was labelled: all but its samples.

    Attributes:
        key: Names it among all examples of any data set; what chance depends on in place of its order.
        person: Pseudonym.
        session: Unique within the person.
        number: Of the set (or stretch) within the session.
        label: The exercise; None for a negative.
        fine: The finest that is known (variant, station); as `label` where nothing is finer, None for a negative.
        sites: Where the sensors sat, in the order of the columns.
        start_row: First row of the labelled interval; what lies before preceded the set.
        end_row: Behind the last row of the interval that is kept.
        source_rate_hz: What the sensor took, before resampling.
        age_group: As the person says, like `sex` and `proficiency`; None where unknown.
    """

    key: str
    person: str
    session: str
    number: int
    label: str | None
    fine: str | None
    sites: tuple[str, ...]
    start_row: int
    end_row: int
    source_rate_hz: float
    age_group: str | None = None
    sex: str | None = None
    proficiency: str | None = None


@dataclass(frozen=True, eq=False, slots=True)
class SetExample(SetFacts):
    """A labelled set, or a stretch in which nothing was labelled.

    Attributes:
        samples: `(rows, 3 * sites)` int16 milli-g with gravity at 50 Hz, by rows: x, y, z of the first site, then of
            the next. At most `LEAD_ROWS` before `start_row` and `KEPT_ROWS` from there on.
    """

    samples: NDArray[np.int16] = field(kw_only=True)

    def __post_init__(self) -> None:
        """Refuse what no window could be cut from.

        Raises:
            ExampleError: Shape, type or interval are wrong.
        """
        if not self.sites or len(set(self.sites)) != len(self.sites):
            raise ExampleError("sites", f"at least one, none twice, not {self.sites}")
        if self.samples.dtype != np.int16 or self.samples.ndim != 2 or self.samples.shape[1] != 3 * len(self.sites):
            shape = f"{self.samples.dtype} {self.samples.shape}"
            raise ExampleError("samples", f"int16 (rows, {3 * len(self.sites)}), not {shape}")
        if not 0 <= self.start_row < self.end_row <= len(self.samples):
            raise ExampleError("start_row", f"{self.start_row} to {self.end_row} of {len(self.samples)} rows")
        if (self.label is None) != (self.fine is None):
            raise ExampleError("fine", "a label and its finest form are known together")

    def digest(self) -> bytes:
        """SHA-256 over everything that the example says."""
        said = (
            self.key, self.person, self.session, self.number, self.label, self.fine, self.sites, self.start_row,
            self.end_row, self.source_rate_hz, self.age_group, self.sex, self.proficiency, self.samples.shape,
        )  # fmt: skip
        hashed = hashlib.sha256(json.dumps(said).encode())
        hashed.update(np.ascontiguousarray(self.samples, dtype="<i2").tobytes())
        return hashed.digest()


@dataclass(frozen=True, eq=False, slots=True)
class Dataset:
    """Examples in the order of their keys. Make it with `dataset_of`.

    Attributes:
        sha256: Hash of the examples' content, whatever order they came in; hexadecimal.
        dropped: How many sets were left out, by reason.
        note: Where the examples come from, in words.
    """

    examples: tuple[SetExample, ...]
    sha256: str
    dropped: dict[str, int] = field(default_factory=dict)
    note: str = ""

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that occur, sorted."""
        return tuple(sorted({example.label for example in self.examples if example.label is not None}))


def dataset_of(examples: Iterable[SetExample], dropped: Mapping[str, int] | None = None, note: str = "") -> Dataset:
    """Put examples in order and hash them.

    Raises:
        ExampleError: Two examples have one key.
    """
    ordered = sorted(examples, key=lambda example: example.key)
    for before, after in pairwise(ordered):
        if before.key == after.key:
            raise ExampleError("key", f"{after.key!r} is there twice")
    return Dataset(tuple(ordered), content_hash(example.digest() for example in ordered), dict(dropped or {}), note)


def content_hash(digests: Iterable[bytes]) -> str:
    """Hash of a set of examples by their digests, in any order; hexadecimal."""
    hashed = hashlib.sha256()
    for digest in sorted(digests):
        hashed.update(digest)
    return hashed.hexdigest()
