"""Snapshots: the state of an entity, sealed under its person's key and bound to its place; a shard's open sessions."""

from __future__ import annotations

import msgspec
from kinelog.domain.decider import State
from kinelog.domain.identifiers import TENANT_PERSON, person_of, session_of
from kinelog.domain.states import SessionState, TenantState, UserState
from kinelog.journal.records import Snapshot
from kinelog.privacy.errors import TamperedError
from kinelog.privacy.key_store import KeyStore
from kinelog.privacy.sealing import Codec, checksum_of, seal_plain

SHARD_SCHEMA = 1

_ENCODER = msgspec.msgpack.Encoder()
_SESSIONS = msgspec.msgpack.Decoder(dict[str, int])
_DECODERS: dict[type[State], msgspec.msgpack.Decoder[State]] = {
    kind: msgspec.msgpack.Decoder(kind) for kind in (UserState, SessionState, TenantState)
}


def state_kind(entity: str) -> type[State]:
    """What the state of a stream is an instance of."""
    if session_of(entity) is not None:
        return SessionState
    return TenantState if person_of(entity).pseudonym == TENANT_PERSON else UserState


def shard_entity(shard: int) -> str:
    """The name under which a shard's own snapshot is kept; no person's stream can have it."""
    return f"shard:{shard}"


def associated_data(entity: str, sequence: int, schema: int) -> bytes:
    """What binds a sealed snapshot to its place: moved elsewhere, it does not open."""
    return f"snapshot\0{entity}\0{sequence}\0{schema}".encode()


def seal_state(entity: str, sequence: int, state: State, at_ms: int, keys: KeyStore) -> Snapshot:
    """A snapshot of an entity's committed state.

    Raises:
        ErasedPersonError: The person has no key any more.
    """
    schema = state.schema
    sealer = keys.sealer(*person_of(entity))
    payload = sealer.seal(_ENCODER.encode(state), associated_data(entity, sequence, schema))
    return Snapshot(entity, sequence, schema, at_ms, payload)


def open_state(snapshot: Snapshot, keys: KeyStore) -> State | None:
    """The state in a snapshot; None for one that cannot be used: another layout, or damaged.

    A snapshot is only a shorter way to what the log says, so damage is no error: the reader goes back further.

    Raises:
        ErasedPersonError: The person has no key any more.
        UnknownPersonError: There never was such a person.
    """
    kind = state_kind(snapshot.entity)
    sealer = keys.sealer(*person_of(snapshot.entity))
    if snapshot.schema != kind.schema or snapshot.payload.codec == Codec.PLAIN_MSGPACK:
        return None
    try:
        plaintext = sealer.open(snapshot.payload, associated_data(snapshot.entity, snapshot.sequence, snapshot.schema))
        return _DECODERS[kind].decode(plaintext)
    except (TamperedError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def seal_sessions(shard: int, position: int, sessions: dict[str, int], at_ms: int) -> Snapshot:
    """A snapshot of a shard's open sessions: pseudonyms and times, as they stand in the clear in the log."""
    entity = shard_entity(shard)
    payload = seal_plain(_ENCODER.encode(sessions), associated_data(entity, position, SHARD_SCHEMA))
    return Snapshot(entity, position, SHARD_SCHEMA, at_ms, payload)


def open_sessions(snapshot: Snapshot) -> dict[str, int] | None:
    """The open sessions in a shard's snapshot; None for one that cannot be used."""
    if snapshot.schema != SHARD_SCHEMA or snapshot.payload.codec != Codec.PLAIN_MSGPACK:
        return None
    sealed = snapshot.payload
    associated = associated_data(snapshot.entity, snapshot.sequence, snapshot.schema)
    if checksum_of(sealed.codec, sealed.key_id, sealed.nonce, associated, sealed.ciphertext) != sealed.checksum:
        return None
    try:
        return _SESSIONS.decode(sealed.ciphertext)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
