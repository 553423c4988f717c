"""Which clusters of people there are: about ten, made of counts, and the same every night while nothing changes.

A table is fitted from the one of the night before: what is there stays until it has fewer than half the people that it
took to make it. So a cluster does not come and go with one person, and nobody jumps because somebody else came.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import msgspec
from kinelog.ml.examples import SetFacts
from kinelog.ml.kept_state import UNREADABLE, StateFormatError, checked, with_hash
from kinelog.projections.rows import PersonRow
from kinelog.registry.clusters import (
    EVERYBODY,
    assigned_cluster,
    chain_of,
    finest_cluster,
    is_within,
    nearest,
)

__all__ = [
    "EVERYBODY",
    "BackOff",
    "ClusterRules",
    "ClusterTable",
    "ClusterTableError",
    "assigned_cluster",
    "backed_off",
    "chain_of",
    "cluster_of_example",
    "fitted_table",
    "is_within",
    "nearest",
    "people_by_cluster",
]


class ClusterTableError(StateFormatError):
    """Bytes that are no table of clusters."""


class ClusterTable(msgspec.Struct, frozen=True):
    """The clusters that there are, sorted; kept with the state of the night."""

    clusters: tuple[str, ...] = (EVERYBODY,)

    def to_bytes(self) -> bytes:
        """As stored, with its hash."""
        return with_hash(msgspec.json.encode(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> ClusterTable:
        """The table behind stored bytes.

        Raises:
            ClusterTableError: They are no table.
        """
        try:
            return cls(msgspec.json.decode(checked(data), type=_StoredTable).clusters)
        except UNREADABLE as error:
            raise ClusterTableError(f"not the table of clusters: {error}") from error


class _StoredTable(msgspec.Struct):
    """As `ClusterTable`, of which nothing may be missing: bytes without clusters are no table of one cluster."""

    clusters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClusterRules:
    """How clusters are made, and when one has enough data for models of its own.

    Attributes:
        most: Clusters at most, `all` included.
        least_people: That a new cluster needs; half of them are enough to stay.
        least_people_with_data: People with sets that a cluster needs to be fitted on its own.
        least_sets: Sets that it needs.
    """

    most: int = 10
    least_people: int = 20
    least_people_with_data: int = 5
    least_sets: int = 100


DEFAULT_RULES = ClusterRules()


@dataclass(frozen=True, slots=True)
class BackOff:
    """Whose data a cluster's models are fitted on.

    Attributes:
        fitted_on: The cluster itself, or the nearest above it that has enough; `all` if none has.
        reason: Why not its own, in words; None where it is.
    """

    cluster: str
    fitted_on: str
    reason: str | None


def people_by_cluster(people: Iterable[PersonRow]) -> Counter[str]:
    """How many people are in each cluster that is thinkable, those within it included."""
    counts: Counter[str] = Counter()
    for person in people:
        counts.update(chain_of(finest_cluster(person.age_group, person.sex, person.proficiency)))
    return counts


def fitted_table(
    people: Mapping[str, int], before: ClusterTable | None = None, rules: ClusterRules = DEFAULT_RULES
) -> ClusterTable:
    """The table for these people.

    New clusters are made of the largest groups first, each within one that is there already.

    Args:
        people: Number of people by cluster, see `people_by_cluster`.
        before: Last night's table; None for the first.
        rules: How large, and how many.
    """
    kept = {name for name in (before.clusters if before else ()) if 2 * people.get(name, 0) >= rules.least_people}
    kept.add(EVERYBODY)
    grown = sorted(
        (name for name, count in people.items() if count >= rules.least_people), key=lambda n: (-people[n], n)
    )
    for _ in range(rules.most):
        found = next((name for name in grown if name not in kept and chain_of(name)[1] in kept), None)
        if found is None or len(kept) >= rules.most:
            break
        kept.add(found)
    return ClusterTable(tuple(sorted(kept)))


def backed_off(
    cluster: str, people: Mapping[str, int], sets: Mapping[str, int], rules: ClusterRules = DEFAULT_RULES
) -> BackOff:
    """Where a cluster gets its data from.

    Args:
        cluster: Which.
        people: People with sets, by cluster, those within it included.
        sets: Labelled sets, by cluster, likewise.
        rules: What is enough.
    """

    def enough(name: str) -> bool:
        return people.get(name, 0) >= rules.least_people_with_data and sets.get(name, 0) >= rules.least_sets

    fitted_on = next((name for name in chain_of(cluster) if enough(name)), EVERYBODY)
    if fitted_on == cluster:
        return BackOff(cluster, fitted_on, None)
    reason = (
        f"{cluster} has {sets.get(cluster, 0)} sets of {people.get(cluster, 0)} people and needs {rules.least_sets} of "
        f"{rules.least_people_with_data}: fitted on {fitted_on}"
    )
    return BackOff(cluster, fitted_on, reason)


def cluster_of_example(example: SetFacts, table: Collection[str] | None = None) -> str:
    """The cluster that an example's person is in; without a table the finest that is thinkable."""
    finest = finest_cluster(example.age_group, example.sex, example.proficiency)
    return finest if table is None else nearest(finest, table)
