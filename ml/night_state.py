"""What a tenant's nights hand on besides populations: the confirmation set and the clusters of people.

Both lie in the model store, each in a population's place of its own, under a name that no cluster has. Both are made
once a night: a night that goes on after it was killed finds what it began with, however much it has done meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec
from kinelog.ml.clusters import ClusterTable, chain_of, cluster_of_example, fitted_table
from kinelog.ml.confirmation import ConfirmationState, SessionKey, first_state, next_state, state_bytes, state_of
from kinelog.ml.examples import SetFacts
from kinelog.ml.folds import Unit
from kinelog.ml.kept_state import UNREADABLE, StateFormatError, checked, kept_in, with_hash
from kinelog.ml.lease_keeper import LeaseKeeper
from kinelog.registry.scope import Scope
from kinelog.registry.store import ModelStore


class _Kept(msgspec.Struct, frozen=True):
    """A state and the night that it was made for."""

    run: str
    state: str


@dataclass(frozen=True, slots=True)
class NightState:
    """The states of one tenant, for one night. Asking for one raises `DamagedStateError`, if it cannot be read."""

    store: ModelStore
    keeper: LeaseKeeper
    tenant: str
    run: str

    def confirmation(self, unit: Unit, sessions: Iterable[SessionKey]) -> ConfirmationState:
        """Which sessions confirm tonight.

        Args:
            unit: What a session is here; each has a state of its own.
            sessions: All of the data set.
        """
        there = list(sessions)

        def made(before: bytes | None) -> bytes:
            if before is None:
                return state_bytes(first_state(there))
            state = state_of(before)
            return state_bytes(next_state(state, there, self._most_uses(state.name)))

        with kept_in(self.store, f"the confirmation set of {self.tenant}"):
            return state_of(self._kept(f"confirmation-by-{unit}", made))

    def clusters(self, sets: Iterable[SetFacts]) -> ClusterTable:
        """Which clusters there are tonight.

        Args:
            sets: All of the data set.
        """
        counts = people_of_clusters(sets)

        def made(before: bytes | None) -> bytes:
            return fitted_table(counts, None if before is None else ClusterTable.from_bytes(before)).to_bytes()

        with kept_in(self.store, f"the table of clusters of {self.tenant}"):
            return ClusterTable.from_bytes(self._kept("cluster-table", made))

    def _kept(self, name: str, made: Callable[[bytes | None], bytes]) -> bytes:
        place = Scope(self.tenant, name, ("any",))
        data = self.store.population(place)
        kept = None if data is None else _kept_of(data)
        if kept is not None and kept.run == self.run:
            return kept.state.encode()
        state = made(None if kept is None else kept.state.encode())
        now = with_hash(msgspec.json.encode(_Kept(self.run, state.decode())))
        self.store.save_population(place, now, lease=self.keeper.lease)
        return state

    def _most_uses(self, name: str) -> int:
        """Of a confirmation set, by the scope that used it most."""
        scopes = self.store.scopes(self.tenant)
        return max((self.store.confirmation_uses(scope, name) for scope in scopes), default=0)


def _kept_of(data: bytes) -> _Kept:
    try:
        return msgspec.json.decode(checked(data), type=_Kept)
    except UNREADABLE as error:
        message = f"not a night's state: {error}"
        raise StateFormatError(message) from error


def people_of_clusters(sets: Iterable[SetFacts]) -> dict[str, int]:
    """How many people of a data set are in each cluster that is thinkable."""
    finest = {one.person: cluster_of_example(one) for one in sets}
    counts: dict[str, int] = {}
    for cluster in finest.values():
        for name in chain_of(cluster):
            counts[name] = counts.get(name, 0) + 1
    return counts
