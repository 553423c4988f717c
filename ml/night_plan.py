"""What a night fits: pools of people and sensors that have enough data, and who gets the model of whom."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kinelog.ml.clusters import EVERYBODY, ClusterTable, backed_off, chain_of, cluster_of_example
from kinelog.ml.combinations import worn
from kinelog.ml.folds import Split
from kinelog.ml.night_data import FiledSet, NightData
from kinelog.ml.pool_drafts import Members, PoolDraft, fill
from kinelog.ml.run_record import ClusterSummary, SensorSummary
from kinelog.ml.scope_pool import ScopePool
from kinelog.ml.set_drawing import MOST_SETS
from kinelog.registry.scope import Scope

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


def plan_of(
    tenant: str,
    data: NightData,
    parts: Split,
    table: ClusterTable,
    set_name: str,
    folder: Path,
    most_sets: int = MOST_SETS,
) -> Plan:
    """Decide what is fitted, and lay the arrays of each pool down.

    Everything is decided on what is said of the sets; then people pass by once, and their samples go into the arrays
    of all pools that they are in.

    Args:
        tenant: Whose people.
        data: All sets.
        parts: What each is used for.
        table: Which clusters there are.
        set_name: Of the current confirmation set.
        folder: For the arrays, shared with the workers.
        most_sets: Of a pool: of more, so many are drawn before anything is laid down.

    Raises:
        NightDataError: A person's samples are gone.
    """
    members = _members(data.sets, parts, table)
    combinations = worn(members[EVERYBODY].selection)
    fitted = [one for one in combinations if one.left_out is None]
    owners = {(name, one.sensors): owner for one in fitted for name, owner in _owners(members, one.sensors).items()}
    followers: defaultdict[tuple[str, Sensors], list[str]] = defaultdict(list)
    for (name, sensors), owner in sorted(owners.items()):
        if name != owner:
            followers[owner, sensors].append(name)
    taken = {name: members[name].drawn(most_sets) for name in sorted(set(owners.values()))}
    drafts, left_out = [], {}
    for one in fitted:
        for name in sorted({owner for (_, sensors), owner in owners.items() if sensors == one.sensors}):
            scope = Scope(tenant, name, one.sensors)
            made = PoolDraft.of(scope, one, tuple(followers[name, one.sensors]), taken[name], folder)
            if made is None:
                left_out[one.sensors] = "fewer than two labels occur often enough, or in one fold only"
            else:
                drafts.append(made)
    fill(drafts, data)
    return Plan(
        tuple(sorted((draft.pool(set_name, parts.unit) for draft in drafts), key=lambda pool: pool.scope.path)),
        tuple(_cluster_summary(members, taken, owners, name) for name in sorted(members)),
        tuple(
            SensorSummary(one.sensors, one.examples, one.left_out or left_out.get(one.sensors)) for one in combinations
        ),
    )


def _members(sets: Sequence[FiledSet], parts: Split, table: ClusterTable) -> Mapping[str, Members]:
    """Every set belongs to its cluster and to all above it that there are."""
    found = {name: Members(name, [], [], [], []) for name in {EVERYBODY, *table.clusters}}

    def of_all(one: FiledSet) -> Iterable[Members]:
        return (found[name] for name in chain_of(cluster_of_example(one)) if name in found)

    for place, fold in zip(parts.selection.tolist(), parts.folds.tolist(), strict=True):
        for members in of_all(sets[place]):
            members.selection.append(sets[place])
            members.whole.append(sets[place])
            members.folds.append(fold)
    for place in parts.confirmation.tolist():
        for members in of_all(sets[place]):
            members.held.append(sets[place])
            members.whole.append(sets[place])
    for place in parts.waiting.tolist():
        for members in of_all(sets[place]):
            members.whole.append(sets[place])
    return found


def _owners(members: Mapping[str, Members], sensors: Sensors) -> dict[str, str]:
    """For each cluster the one whose data these sensors' model is fitted to: the nearest that has enough."""
    examples = {name: one.of(sensors) for name, one in members.items()}
    people = {name: len({example.person for example in of_name}) for name, of_name in examples.items()}
    sets = {name: len(of_name) for name, of_name in examples.items()}
    return {name: backed_off(name, people, sets).fitted_on for name in members}


def _cluster_summary(
    members: Mapping[str, Members],
    taken: Mapping[str, Members],
    owners: Mapping[tuple[str, Sensors], str],
    name: str,
) -> ClusterSummary:
    labelled = [one for one in members[name].selection if one.label is not None]
    held = sum(one.label is not None for one in members[name].held)
    used = [owner for (cluster, _), owner in sorted(owners.items()) if cluster == name]
    return ClusterSummary(
        name=name,
        person_count=len({one.person for one in labelled}),
        examples=len(labelled),
        sessions=len({(one.person, one.session) for one in labelled}),
        data_cluster=_most_frequent(used, lambda owner: len(chain_of(owner))) if used else EVERYBODY,
        left_out=len(labelled) - len(taken[name].selection) if name in taken else 0,
        held_left_out=held - len(taken[name].held) if name in taken else 0,
    )


def _most_frequent(names: Sequence[str], depth: Callable[[str], int]) -> str:
    return max(sorted(set(names)), key=lambda name: (names.count(name), depth(name)))
