"""What a night fits: pools of people and sensors that have enough data, and who gets the model of whom."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from kinelog.ml import fit_data
from kinelog.ml.clusters import EVERYBODY, ClusterTable, backed_off, chain_of, cluster_of_example
from kinelog.ml.combinations import Worn, worn
from kinelog.ml.examples import Dataset, SetExample
from kinelog.ml.fit_data import FitData, fit_data_of
from kinelog.ml.folds import Split, key_of
from kinelog.ml.run_record import ClusterSummary, SensorSummary
from kinelog.ml.scope_pool import Held, ScopePool, held_of
from kinelog.ml.scope_windows import asked_windows
from kinelog.registry.scope import Scope

SETS_OF_A_LABEL: Final = 2
"""In the selection: a label that occurs once can be in a training fold or in a judged one, never in both."""

Sensors = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is fitted tonight.

    Attributes:
        pools: In the order of their scopes.
        clusters: All clusters that people of the data set are in, and whose data each uses.
        sensors: All combinations that were worn, those that get no model of their own included.
    """

    pools: tuple[ScopePool, ...]
    clusters: tuple[ClusterSummary, ...]
    sensors: tuple[SensorSummary, ...]


@dataclass(frozen=True, eq=False, slots=True)
class _Members:
    """Examples of a cluster and of those below it; `apart` are those of `held`, and those that wait."""

    name: str
    selection: list[tuple[SetExample, int]]
    held: list[SetExample]
    apart: list[SetExample]

    def of(self, sensors: Sensors) -> list[SetExample]:
        wanted = set(sensors)
        return [one for one, _ in self.selection if one.label is not None and wanted <= set(one.sites)]


def plan_of(tenant: str, dataset: Dataset, parts: Split, table: ClusterTable, set_name: str, folder: Path) -> Plan:
    """Decide what is fitted, and lay the arrays of each pool down.

    Args:
        tenant: Whose people.
        dataset: All examples.
        parts: What each is used for.
        table: Which clusters there are.
        set_name: Of the current confirmation set.
        folder: For the arrays, shared with the workers.
    """
    members = _members(dataset, parts, table)
    combinations = worn(example for example, _ in members[EVERYBODY].selection)
    fitted = [one for one in combinations if one.left_out is None]
    owners = {(name, one.sensors): owner for one in fitted for name, owner in _owners(members, one.sensors).items()}
    followers: defaultdict[tuple[str, Sensors], list[str]] = defaultdict(list)
    for (name, sensors), owner in sorted(owners.items()):
        if name != owner:
            followers[owner, sensors].append(name)
    pools, left_out = [], {}
    for one in fitted:
        for name in sorted({owner for (_, sensors), owner in owners.items() if sensors == one.sensors}):
            scope = Scope(tenant, name, one.sensors)
            made = _pool(scope, one, members[name], tuple(followers[name, one.sensors]), parts, set_name, folder)
            if made is None:
                left_out[one.sensors] = "fewer than two labels occur often enough, or in one fold only"
            else:
                pools.append(made)
    return Plan(
        tuple(sorted(pools, key=lambda pool: pool.scope.path)),
        tuple(_cluster_summary(members, owners, name) for name in sorted(members)),
        tuple(
            SensorSummary(one.sensors, one.examples, one.left_out or left_out.get(one.sensors)) for one in combinations
        ),
    )


def _members(dataset: Dataset, parts: Split, table: ClusterTable) -> Mapping[str, _Members]:
    """Every example belongs to its cluster and to all above it that there are."""
    found = {name: _Members(name, [], [], []) for name in {EVERYBODY, *table.clusters}}

    def of_all(example: SetExample) -> Iterable[_Members]:
        return (found[name] for name in chain_of(cluster_of_example(example)) if name in found)

    for place, fold in zip(parts.selection.tolist(), parts.folds.tolist(), strict=True):
        for one in of_all(dataset.examples[place]):
            one.selection.append((dataset.examples[place], fold))
    for place in parts.confirmation.tolist():
        for one in of_all(dataset.examples[place]):
            one.held.append(dataset.examples[place])
            one.apart.append(dataset.examples[place])
    for place in parts.waiting.tolist():
        for one in of_all(dataset.examples[place]):
            one.apart.append(dataset.examples[place])
    return found


def _owners(members: Mapping[str, _Members], sensors: Sensors) -> dict[str, str]:
    """For each cluster the one whose data these sensors' model is fitted to: the nearest that has enough."""
    examples = {name: one.of(sensors) for name, one in members.items()}
    people = {name: len({example.person for example in of_name}) for name, of_name in examples.items()}
    sets = {name: len(of_name) for name, of_name in examples.items()}
    return {name: backed_off(name, people, sets).fitted_on for name in members}


def _pool(
    scope: Scope,
    combination: Worn,
    members: _Members,
    followers: tuple[str, ...],
    parts: Split,
    set_name: str,
    folder: Path,
) -> ScopePool | None:
    complete = members.of(scope.sensors)
    labels = _labels(complete)
    if len(labels) < 2 or len({fold for one, fold in members.selection if one.label in labels}) < 2:
        return None
    taken = [(one, fold) for one, fold in members.selection if one.label in labels]
    data = _laid_down([one for one, _ in taken], [fold for _, fold in taken], scope.sensors, labels, folder)
    everybody = [*(one for one, _ in taken), *(one for one in members.apart if one.label in labels)]
    return ScopePool(
        scope=scope,
        followers=followers,
        worn=combination,
        data=data,
        whole=_laid_down(everybody, [0] * len(everybody), scope.sensors, labels, folder),
        judged=asked_windows(data).rows,
        held=_held(members.held, scope.sensors, labels, parts, set_name, folder),
        people=len({one.person for one in complete}),
        sessions=len({(one.person, one.session) for one in complete}),
    )


def _labels(examples: Sequence[SetExample]) -> tuple[str, ...]:
    counts: defaultdict[str, int] = defaultdict(int)
    for example in examples:
        counts[str(example.label)] += 1
    return tuple(sorted(label for label, count in counts.items() if count >= SETS_OF_A_LABEL))


def _held(
    examples: Sequence[SetExample], sensors: Sensors, labels: tuple[str, ...], parts: Split, set_name: str, folder: Path
) -> Held | None:
    usable = [one for one in examples if one.label in labels and set(sensors) <= set(one.sites)]
    if not usable:
        return None
    data = _laid_down(usable, [0] * len(usable), sensors, labels, folder)
    by_key = {one.key: one for one in usable}
    ordered = [by_key[key] for key in data.names.keys]
    keys = [key_of(one, parts.unit) for one in ordered]
    return held_of(set_name, data, [key.person for key in keys], [f"{key.person}/{key.session}" for key in keys])


def _laid_down(
    examples: Sequence[SetExample], folds: Sequence[int], sensors: Sensors, labels: tuple[str, ...], folder: Path
) -> FitData:
    """Written, and mapped back: all pools together need not fit into memory."""
    return fit_data.load(folder, _stored(examples, folds, sensors, labels, folder))


def _stored(
    examples: Sequence[SetExample], folds: Sequence[int], sensors: Sensors, labels: tuple[str, ...], folder: Path
) -> str:
    # Apart, so that the arrays in memory are gone before those on disk are mapped, and hashed, in their place.
    made = fit_data_of(list(examples), np.array(folds, dtype=np.int64), sensors, labels)
    fit_data.store(made, folder)
    return made.sha256


def _cluster_summary(
    members: Mapping[str, _Members], owners: Mapping[tuple[str, Sensors], str], name: str
) -> ClusterSummary:
    labelled = [example for example, _ in members[name].selection if example.label is not None]
    used = [owner for (cluster, _), owner in sorted(owners.items()) if cluster == name]
    return ClusterSummary(
        name=name,
        person_count=len({example.person for example in labelled}),
        examples=len(labelled),
        sessions=len({(example.person, example.session) for example in labelled}),
        data_cluster=_most_frequent(used, lambda owner: len(chain_of(owner))) if used else EVERYBODY,
    )


def _most_frequent(names: Sequence[str], depth: Callable[[str], int]) -> str:
    return max(sorted(set(names)), key=lambda name: (names.count(name), depth(name)))
