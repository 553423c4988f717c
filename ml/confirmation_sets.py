"""Which confirmation set a night uses; its state lies in the model store, beside the populations."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from kinelog.ml.confirmation import (
    ConfirmationState,
    SessionKey,
    first_state,
    next_state,
    state_bytes,
    state_of,
)
from kinelog.ml.folds import Unit
from kinelog.ml.lease_keeper import LeaseKeeper
from kinelog.registry.scope import Scope
from kinelog.registry.store import ModelStore


class _Kept(msgspec.Struct, frozen=True):
    """The state, and the night that it was made for: a night that goes on keeps its set, however often it was used."""

    run: str
    state: str


def tonight(
    store: ModelStore, keeper: LeaseKeeper, tenant: str, unit: Unit, sessions: Iterable[SessionKey], run: str
) -> ConfirmationState:
    """The state for tonight's sessions, saved.

    Args:
        store: Where states and uses are.
        keeper: Of the night's lease.
        tenant: Whose sessions.
        unit: What a session is here; each has a state of its own.
        sessions: All of the data set.
        run: The night.
    """
    # No cluster of people has this name, and no model is ever published here: only a population's place is used.
    place = Scope(tenant, f"confirmation-by-{unit}", ("any",))
    there = list(sessions)
    data = store.population(place)
    if data is None:
        state = first_state(there)
    else:
        kept = msgspec.json.decode(data, type=_Kept)
        state = state_of(kept.state.encode())
        if kept.run == run:
            return state
        state = next_state(state, there, _most_uses(store, tenant, state.name))
    kept_now = _Kept(run, state_bytes(state).decode())
    store.save_population(place, msgspec.json.encode(kept_now), lease=keeper.lease)
    return state


def _most_uses(store: ModelStore, tenant: str, name: str) -> int:
    """By the scope that used the set most."""
    return max((store.confirmation_uses(scope, name) for scope in store.scopes(tenant)), default=0)
