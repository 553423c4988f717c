"""A log in Cassandra whose tables were put back from a snapshot becomes a log of its own.

What came after the snapshot is given up. Whoever still works on that lost timeline must neither write nor answer, so
every epoch is lifted further than it can have come there; and what was derived from it (views, snapshots of entities,
the index) belongs to its incarnation, so the log gets another. All by conditional statements: an ordinary one would not
be ordered with the commits that follow.
"""

from __future__ import annotations

import secrets

from kinelog.cassandra_session.connection import Access, Connection, Statement
from kinelog.cassandra_session.errors import UnknownWriteError
from kinelog.journal.cassandra.buckets import KnownBuckets
from kinelog.journal.cassandra.log_identity import LogIdentity, known_identity
from kinelog.journal.cassandra.procedure_runner import ProcedureRunner
from kinelog.journal.cassandra.procedures import Fence
from kinelog.journal.cassandra.store_errors import as_journal_errors
from kinelog.journal.errors import IncompatibleStoreError, UnavailableError, UnknownOutcomeError

EPOCHS_LIFTED = 1 << 20
"""Further than the timeline that is given up can have come since the snapshot: an acquisition a second for 12 days."""

OWNER = "journal restored"
ATTEMPTS = 8

_INCARNATION = Statement("UPDATE {log}.meta SET value = ? WHERE key = 'incarnation' IF value = ?", Access.CONDITIONAL)


def begin_anew(connection: Connection) -> LogIdentity:
    """Lift the epochs of all shards, then give the log another incarnation; its identity from now on.

    Killed half-way it is run again: epochs are lifted twice then, which does no harm.

    Raises:
        IncompatibleStoreError: There is no log, or somebody else has given it another incarnation meanwhile.
        UnknownOutcomeError: The cluster does not say what became of a write.
        UnavailableError: The cluster does not answer.
    """
    identity = known_identity(connection)
    if identity is None:
        raise IncompatibleStoreError(f"{connection.keyspaces.log} holds no log: put its tables back first")
    for shard in range(identity.shards):
        _lift(connection, shard)
    return identity._replace(incarnation=_renamed(connection, identity.incarnation))


def _lift(connection: Connection, shard: int) -> None:
    runner, fence = ProcedureRunner(connection), Fence()
    for _ in range(ATTEMPTS):
        try:
            runner.run(fence.acquire(shard, OWNER, KnownBuckets(), EPOCHS_LIFTED))
        except UnknownOutcomeError:
            continue  # once more: twice lifted is lifted
        return
    raise UnknownOutcomeError(f"shard {shard}: the cluster does not say whether its epoch was lifted")


def _renamed(connection: Connection, old: str) -> str:
    new = secrets.token_hex(16)
    for _ in range(ATTEMPTS):
        try:
            with as_journal_errors():
                connection.conditional(_INCARNATION, (new, old))
        except UnavailableError as error:
            if not isinstance(error.__cause__, UnknownWriteError):
                raise
            continue
        now = known_identity(connection)
        if now is None or now.incarnation != new:
            raise IncompatibleStoreError("somebody else has restored the same log meanwhile; run this again")
        return new
    raise UnknownOutcomeError("the cluster does not say which incarnation the log has now; run this again")
