"""The domain as a shard uses it: four pure functions, named here so that the machine can be driven with others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from kinelog.domain import decider
from kinelog.domain.commands import Command
from kinelog.domain.decider import Decision, State
from kinelog.domain.errors import Rejection
from kinelog.domain.events import Event
from kinelog.domain.identifiers import Person
from kinelog.domain.limits import Limits


class Rules(NamedTuple):
    """See `kinelog.domain.decider` for what each promises."""

    needs: Callable[[Person, Command, Mapping[str, State]], tuple[str, ...]]
    decide: Callable[[Person, Command, Mapping[str, State], Limits], Decision | Rejection]
    evolve: Callable[[State, Event], State]
    initial: Callable[[str], State]


DOMAIN_RULES = Rules(decider.needs, decider.decide, decider.evolve, decider.initial)
