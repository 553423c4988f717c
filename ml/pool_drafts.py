"""Pools whose sets are decided and whose samples are still to come: people pass by once, and fill all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kinelog.ml.array_writing import ArrayWriter
from kinelog.ml.combinations import Worn
from kinelog.ml.folds import Unit, key_of
from kinelog.ml.night_data import FiledSet, NightData
from kinelog.ml.scope_pool import Held, ScopePool, held_of
from kinelog.ml.scope_windows import asked_rows
from kinelog.ml.set_drawing import drawn
from kinelog.registry.scope import Scope

SETS_OF_A_LABEL: Final = 2
"""In the selection: a label that occurs once can be in a training fold or in a judged one, never in both."""


@dataclass(frozen=True, eq=False, slots=True)
class Members:
    """Sets of a cluster, with those of the clusters below it.

    Attributes:
        selection: Those that choose and train models; `folds` has the fold of each.
        held: Those that confirm.
        whole: Those of both, and those that wait to confirm.
    """

    name: str
    selection: list[FiledSet]
    folds: list[int]
    held: list[FiledSet]
    whole: list[FiledSet]

    def of(self, sensors: Sequence[str]) -> list[FiledSet]:
        """Labelled sets of the selection in which all of these sensors were worn."""
        return [one for one in self.selection if one.label is not None and _all_worn(one, sensors)]

    def drawn(self, at_most: int) -> Members:
        """The labelled sets, at most so many of each kind: what the pools of this cluster take, whatever their sensors.

        All pools of a cluster see the same sets, so that candidates of one may be held against those of another.
        """
        selection = drawn(self.selection, at_most)
        fold_of = {one.key: fold for one, fold in zip(self.selection, self.folds, strict=True)}
        folds = [fold_of[one.key] for one in selection]
        return Members(self.name, selection, folds, drawn(self.held, at_most), drawn(self.whole, at_most))


@dataclass(frozen=True, eq=False, slots=True)
class PoolDraft:
    """A pool without samples.

    Attributes:
        scope, followers, worn, people, sessions: As of the pool.
        held: The sets that confirm, by their keys; none if there is none with these sensors and labels.
        selection_arrays: Of the selection.
        whole_arrays: Of the selection, with what was set apart.
        held_arrays: Of the sets that confirm.
    """

    scope: Scope
    followers: tuple[str, ...]
    worn: Worn
    people: int
    sessions: int
    held: tuple[FiledSet, ...]
    selection_arrays: ArrayWriter
    whole_arrays: ArrayWriter
    held_arrays: ArrayWriter | None

    @classmethod
    def of(
        cls, scope: Scope, combination: Worn, followers: tuple[str, ...], members: Members, folder: Path
    ) -> PoolDraft | None:
        """Decide on a pool's sets; None where there are too few labels or folds to choose by.

        Args:
            scope: Whose data, which sensors.
            combination: What there is of the sensors.
            followers: Clusters that get this model too.
            members: Of the scope's cluster, as they were drawn.
            folder: For the arrays.
        """
        complete = members.of(scope.sensors)
        labels = _labels(complete)
        in_folds = {fold for one, fold in zip(members.selection, members.folds, strict=True) if one.label in labels}
        if len(labels) < 2 or len(in_folds) < 2:
            return None
        held = [one for one in members.held if one.label in labels and _all_worn(one, scope.sensors)]
        held.sort(key=lambda one: one.key)
        return cls(
            scope=scope,
            followers=followers,
            worn=combination,
            people=len({one.person for one in complete}),
            sessions=len({(one.person, one.session) for one in complete}),
            held=tuple(held),
            selection_arrays=ArrayWriter(folder, members.selection, members.folds, scope.sensors, labels),
            whole_arrays=ArrayWriter(folder, members.whole, [0] * len(members.whole), scope.sensors, labels),
            held_arrays=ArrayWriter(folder, held, [0] * len(held), scope.sensors, labels) if held else None,
        )

    def arrays(self) -> Sequence[ArrayWriter]:
        """What samples go into."""
        return [one for one in (self.selection_arrays, self.whole_arrays, self.held_arrays) if one is not None]

    def pool(self, set_name: str, unit: Unit) -> ScopePool:
        """The pool, once everybody has passed by.

        Args:
            set_name: Of the current confirmation set.
            unit: What is never split.
        """
        data = self.selection_arrays.finish()
        return ScopePool(
            scope=self.scope,
            followers=self.followers,
            worn=self.worn,
            data=data,
            whole=self.whole_arrays.finish(),
            judged=asked_rows(data),
            held=self._held(set_name, unit),
            people=self.people,
            sessions=self.sessions,
        )

    def _held(self, set_name: str, unit: Unit) -> Held | None:
        if self.held_arrays is None:
            return None
        keys = [key_of(one, unit) for one in self.held]
        people, sessions = [key.person for key in keys], [f"{key.person}/{key.session}" for key in keys]
        return held_of(set_name, self.held_arrays.finish(), people, sessions)


def fill(drafts: Sequence[PoolDraft], data: NightData) -> None:
    """Let everybody pass by once: each person's samples go into all arrays that the person is in.

    Raises:
        NightDataError: A person's samples are gone.
        OSError: The disk refuses.
    """
    wanted: defaultdict[str, list[ArrayWriter]] = defaultdict(list)
    for arrays in (one for draft in drafts for one in draft.arrays()):
        for person in arrays.people:
            wanted[person].append(arrays)
    for person, examples in data.people(wanted):
        for arrays in wanted[person]:
            arrays.put(examples)


def _labels(sets: Sequence[FiledSet]) -> tuple[str, ...]:
    counts: defaultdict[str, int] = defaultdict(int)
    for one in sets:
        counts[str(one.label)] += 1
    return tuple(sorted(label for label, count in counts.items() if count >= SETS_OF_A_LABEL))


def _all_worn(one: FiledSet, sensors: Sequence[str]) -> bool:
    return set(sensors) <= set(one.sites)
