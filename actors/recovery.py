"""Reading one entity's committed state: the newest snapshot that can be used, and every event behind it."""

from __future__ import annotations

import logging

from kinelog.actors import messages, snapshots
from kinelog.actors.rules import Rules
from kinelog.domain.identifiers import person_of
from kinelog.domain.states import UserState
from kinelog.journal.errors import CorruptError, JournalError
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.port import Journal
from kinelog.privacy.errors import ErasedPersonError, PrivacyError, UnknownPersonError
from kinelog.privacy.key_store import KeyStore

_LOG = logging.getLogger(__name__)

Recovery = messages.Recovered | messages.RecoveryErased | messages.RecoveryFailed


class Recoverer:
    """Recovers entities from a journal. Thread-safe; blocks, so it belongs on a pool's threads."""

    def __init__(self, journal: Journal, keys: KeyStore, codec: EventCodec, rules: Rules) -> None:
        self._journal = journal
        self._keys = keys
        self._codec = codec
        self._rules = rules

    def recover(self, entity: str, recovery: int) -> Recovery:
        """Read an entity; whatever goes wrong is an answer, since somebody waits for one."""
        try:
            return self._read(entity, recovery)
        except (ErasedPersonError, UnknownPersonError):
            return messages.RecoveryErased(entity, recovery)
        except (JournalError, PrivacyError) as error:
            _LOG.error("%s could not be recovered: %s", entity, error)
            return messages.RecoveryFailed(entity, recovery)
        except Exception:  # noqa: BLE001 - on a pool's thread nobody would hear of it
            # On a pool's thread nobody would ever hear of it, and whoever waits for this entity would wait for ever.
            _LOG.exception("%s could not be recovered", entity)
            return messages.RecoveryFailed(entity, recovery)

    def _read(self, entity: str, recovery: int) -> Recovery:
        state, start = self._rules.initial(entity), 0
        for snapshot in self._journal.snapshots(entity):
            opened = snapshots.open_state(snapshot, self._keys)
            if opened is not None:
                state, start = opened, snapshot.sequence
                break
        sequence = start
        opening = self._codec.opening()
        for positioned in self._journal.replay(entity, start):
            sequence += 1
            if positioned.event.sequence != sequence:
                raise CorruptError(f"{entity}#{sequence}", f"found {positioned.event.sequence} in its place")
            state = self._rules.evolve(state, opening.open(positioned.event))
        if sequence == 0:
            # Nothing was read that needed the person's key, so ask for it: nobody writes for the erased.
            self._keys.sealer(*person_of(entity))
        if isinstance(state, UserState) and state.erased:
            return messages.RecoveryErased(entity, recovery)
        return messages.Recovered(entity, recovery, state, sequence, start)
