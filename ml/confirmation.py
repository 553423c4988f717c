"""Which sessions confirm: a hash reserves them, a set of them stays as it is for its uses, then newer ones rotate in.

Every session is in one of three roles. *Selection*: it trains models and ranks candidates. *Confirmation*: it is in the
current set, and no fit and no ranking sees it. *Waiting*: reserved by its hash, not in the current set yet, and seen by
nobody, so that the next set is fresh. A set that was used up goes to selection and never comes back.

A set does not grow while it is used: the uses that are counted would be those of another set. Sessions of an erased
person only leave it, and its name, under which uses are counted, stays that of its founding.

Pure: the state is a value that the caller keeps (`state_bytes`), and the count of uses is the model store's.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

import msgspec
from kinelog.ml.kept_state import UNREADABLE, StateFormatError
from kinelog.ml.promotion import USES

SHARE: Final = 0.25
"""Share of sessions that are reserved."""
SESSIONS_AT_LEAST: Final = 8
"""Fewer waiting sessions do not make a new set: one that can see nothing would only cost data."""
FOUNDED_FROM: Final = 4
"""Sessions without which a first set takes none but those that the hash reserves."""
STATE_SCHEMA: Final = 1

Role = Literal["selection", "confirmation", "waiting"]
_BUCKETS: Final = 10_000


class ConfirmationStateError(StateFormatError):
    """Bytes that are no state of the confirmation sets, or of a schema that this program does not know."""


class ConfirmationState(msgspec.Struct, frozen=True):
    """The current set and what was used before; sessions by digest, so that no person is named.

    Attributes:
        name: Hash of the current set as it was founded; its uses are counted under it.
        current: Digests of the sessions in the current set, sorted.
        retired: Digests of sessions of earlier sets, sorted: selection has them now.
        editions: How many sets there were, this one included.
    """

    name: str
    current: tuple[str, ...]
    retired: tuple[str, ...] = ()
    editions: int = 1
    schema: int = STATE_SCHEMA


@dataclass(frozen=True, slots=True, order=True)
class SessionKey:
    """A session of a person (pseudonym)."""

    person: str
    session: str

    @property
    def digest(self) -> str:
        """What stands for the session in a state: 16 hexadecimal digits."""
        return self._hash("digest").hex()[:16]

    @property
    def reserved(self) -> bool:
        """Whether the session is one to confirm on: by its hash alone, whatever else there is, on every machine."""
        return self.rank() < SHARE * _BUCKETS

    def rank(self) -> int:
        """Where the session stands among those to reserve: the lowest come first."""
        return int.from_bytes(self._hash("reserve")[:8], "big") % _BUCKETS

    def _hash(self, purpose: str) -> bytes:
        said = f"kinelog confirmation\0{purpose}\0{self.person}\0{self.session}"
        return hashlib.sha256(said.encode()).digest()


def first_state(sessions: Iterable[SessionKey]) -> ConfirmationState:
    """The first set: all reserved sessions that there are.

    Of few sessions the hash may by chance reserve almost none. Nothing has selected yet, so those whose hashes come
    next are taken too, up to the share that is meant.
    """
    ordered = sorted(set(sessions), key=lambda one: (one.rank(), one.digest))
    reserved = sum(one.reserved for one in ordered)
    meant = math.ceil(SHARE * len(ordered))
    taken = meant if 2 * reserved < meant and len(ordered) >= FOUNDED_FROM else reserved
    return _founded((one.digest for one in ordered[:taken]), retired=(), editions=1)


def next_state(state: ConfirmationState, sessions: Iterable[SessionKey], uses: int) -> ConfirmationState:
    """The state for this night's sessions, before it compares anything.

    Args:
        state: Of the night before.
        sessions: All sessions of tonight's data; those that are gone leave the set.
        uses: How often the current set was used, by the scope that used it most.

    Returns:
        A new set of those that waited, once the current one was used `USES` times and enough wait: at least
        `SESSIONS_AT_LEAST`, and half of what they replace. Until then the current set stays in use, and promotion asks
        for more (`promotion.allowed_chance`). A set in which nobody is left is replaced at once.
    """
    there = list(sessions)
    waiting = {one.digest for one in there if one.reserved} - set(state.current) - set(state.retired)
    left = {one.digest for one in there} & set(state.current)
    enough = len(waiting) >= max(SESSIONS_AT_LEAST, len(left) / 2)
    if (uses >= USES and enough) or (not left and waiting):
        return _founded(waiting, retired=(*state.retired, *state.current), editions=state.editions + 1)
    return msgspec.structs.replace(state, current=tuple(sorted(left)))


def role_of(state: ConfirmationState, session: SessionKey) -> Role:
    """What a session may be used for."""
    if session.digest in state.current:
        return "confirmation"
    return "waiting" if session.reserved and session.digest not in state.retired else "selection"


def state_bytes(state: ConfirmationState) -> bytes:
    """The state as JSON."""
    return msgspec.json.encode(state)


def state_of(data: bytes) -> ConfirmationState:
    """Read a state back.

    Raises:
        ConfirmationStateError: The bytes are no state, or one of another schema.
    """
    try:
        state = msgspec.json.decode(data, type=ConfirmationState)
    except UNREADABLE as error:
        raise ConfirmationStateError(f"not the state of confirmation sets: {error}") from error
    if state.schema != STATE_SCHEMA:
        raise ConfirmationStateError(f"schema: {state.schema} is not {STATE_SCHEMA}")
    return state


def _founded(digests: Iterable[str], retired: Iterable[str], editions: int) -> ConfirmationState:
    current = tuple(sorted(digests))
    name = hashlib.sha256("\0".join((str(editions), *current)).encode()).hexdigest()
    return ConfirmationState(name, current, tuple(sorted(set(retired))), editions)
