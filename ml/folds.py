"""Which part of the data a session belongs to: decided by a hash of person and session, and by nothing else.

A fold never changes when data grow, and never splits a session: windows of one set, and sets of one session, resemble
each other so much that a model would be judged on what it has seen. Only recordings in which most labels occur in a
single session cannot be judged so; there the set is the unit, and whoever reports such figures says so.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from kinelog.ml.confirmation import ConfirmationState, SessionKey, role_of
from kinelog.ml.examples import SetFacts
from numpy.typing import NDArray

ALONE_AT_MOST: Final = 3
"""Sessions a fold, up to which each session is a fold of its own."""
FOLDS_OF_ONE: Final = 1 << 31
"""So many that two sessions hardly ever share one."""

Unit = Literal["session", "set"]


@dataclass(frozen=True, eq=False, slots=True)
class Split:
    """Examples by what they are used for; places are those in the data set.

    Attributes:
        unit: What is never split.
        selection: Places of the examples that choose and train models.
        folds: `(selection,)` the fold of each.
        confirmation: Places of the examples that no choice sees.
        waiting: Places of the examples that are kept for a later set of confirmation.
    """

    unit: Unit
    selection: NDArray[np.int64]
    folds: NDArray[np.int64]
    confirmation: NDArray[np.int64]
    waiting: NDArray[np.int64]


def unit_of(sets: Iterable[SetFacts]) -> Unit:
    """`session`, or `set` where most labels occur in one session only, so that no split by session can judge them."""
    sessions: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for one in sets:
        if one.label is not None:
            sessions[one.label].add((one.person, one.session))
    alone = sum(len(found) == 1 for found in sessions.values())
    return "set" if sessions and 2 * alone > len(sessions) else "session"


def key_of(one: SetFacts, unit: Unit) -> SessionKey:
    """What is never split, as the key that confirmation knows it by."""
    session = one.session if unit == "session" else f"{one.session}#{one.number}"
    return SessionKey(one.person, session)


def fold_of(key: SessionKey, folds: int) -> int:
    """The fold of a session, from 0; the same for ever, however much data there is."""
    said = f"kinelog fold\0{key.person}\0{key.session}".encode()
    return int.from_bytes(hashlib.sha256(said).digest()[:8], "big") % folds


def folds_of(keys: Collection[SessionKey], folds: int) -> Mapping[SessionKey, int]:
    """The fold of each session of the selection.

    Of few sessions a hash leaves some folds empty and puts half of the sessions into another: networks that are judged
    would be trained on much less than what is published. So each of few sessions is a fold of its own, whatever others
    there are; beyond `ALONE_AT_MOST` sessions a fold, folds are shared, and never change again.

    Args:
        keys: Sessions, each once or several times.
        folds: How many there are once there are enough sessions.
    """
    sessions = set(keys)
    shared = len(sessions) > ALONE_AT_MOST * folds
    return {key: fold_of(key, folds if shared else FOLDS_OF_ONE) for key in sessions}


def split(sets: Sequence[SetFacts], state: ConfirmationState, folds: int, unit: Unit) -> Split:
    """Give every set its part.

    Args:
        sets: All of the data set.
        state: Which sessions are set apart.
        folds: How many.
        unit: What is never split.
    """
    parts: dict[str, list[int]] = {"selection": [], "confirmation": [], "waiting": []}
    selected = []
    for place, one in enumerate(sets):
        key = key_of(one, unit)
        role = role_of(state, key)
        parts[role].append(place)
        if role == "selection":
            selected.append(key)
    fold_by_key = folds_of(selected, folds)
    numbers = [fold_by_key[key] for key in selected]
    return Split(
        unit=unit,
        selection=np.array(parts["selection"], dtype=np.int64),
        folds=np.array(numbers, dtype=np.int64),
        confirmation=np.array(parts["confirmation"], dtype=np.int64),
        waiting=np.array(parts["waiting"], dtype=np.int64),
    )
