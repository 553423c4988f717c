"""What is fitted together: the people of one cluster with one combination of sensors."""

from __future__ import annotations

from dataclasses import dataclass

from kinelog.ml.combinations import Worn
from kinelog.ml.fit_data import FitData
from kinelog.ml.network_size import NetworkShape
from kinelog.ml.scope_windows import Rows
from kinelog.ml.scores import Ids, group_numbers
from kinelog.registry.scope import Scope


@dataclass(frozen=True, eq=False, slots=True)
class Held:
    """The confirmation sessions of a pool, as windows: nothing that selects sees them.

    Attributes:
        set_name: Of the confirmation set, under which its uses are counted.
        data: The examples in which every sensor was worn.
        people: Number of each example's person.
        sessions: Number of each example's session.
    """

    set_name: str
    data: FitData
    people: Ids
    sessions: Ids


@dataclass(frozen=True, eq=False, slots=True)
class ScopePool:
    """One fit's worth of people and sensors.

    Attributes:
        scope: The cluster whose data these are, and the sensors.
        followers: Other clusters that get this model, since they have too little data of their own.
        worn: What there is of the combination.
        data: Selection examples that have any of the sensors; networks that are not masked see the complete ones.
        whole: The same with confirmation and waiting: what is published is fitted on it once all is decided.
        judged: The windows of the selection that candidates are judged on.
        held: Confirmation; None if no session is set apart, or none of them has these sensors.
        people: Number of people in the selection.
        sessions: Number of sessions in the selection.
    """

    scope: Scope
    followers: tuple[str, ...]
    worn: Worn
    data: FitData
    whole: FitData
    judged: Rows
    held: Held | None
    people: int
    sessions: int

    @property
    def shape(self) -> NetworkShape:
        """What a network for these sensors and labels is connected to."""
        return self.data.shape

    @property
    def everything(self) -> int:
        """The mask in which every sensor is present."""
        return (1 << len(self.scope.sensors)) - 1


def held_of(set_name: str, data: FitData, people: list[str], sessions: list[str]) -> Held:
    """Number the people and sessions of confirmation examples, in the order of the data."""
    return Held(set_name, data, group_numbers(people), group_numbers(sessions))
