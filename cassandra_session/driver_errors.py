"""What the driver's errors mean for a statement of each kind: did nothing happen, or is it unknown?

Of a conditional write only what the driver says before it sent anything, and what the cluster refuses by looking at the
statement, is known not to have happened. A time-out, a lost connection, a failed replica, the cluster's own "CAS write
unknown" (0x1700, which the driver does not know by name) and all that may yet be invented leave it open.
"""

from __future__ import annotations

import cassandra
from cassandra.cluster import NoHostAvailable
from cassandra.connection import ConnectionShutdown
from cassandra.protocol import ErrorMessage, RequestValidationException, SyntaxException
from kinelog.cassandra_session.connection import Access
from kinelog.cassandra_session.errors import (
    CassandraError,
    MissingTableError,
    RefusedStatementError,
    UnknownWriteError,
    UnreachableError,
)

_REFUSALS = (cassandra.RequestValidationException, RequestValidationException, cassandra.AuthenticationFailed)
_MISSING = ("unconfigured table", "does not exist", "doesn't exist", "unconfigured columnfamily", "unknown keyspace")


def translated(error: BaseException, access: Access, *, sent: bool) -> CassandraError:
    """The error as the stores know it.

    Args:
        error: What the driver raised.
        access: Kind of the statement.
        sent: Whether it was given to any node.
    """
    why = f"{type(error).__name__}: {_message(error)}"
    if isinstance(error, _REFUSALS):
        missing = any(text in why.lower() for text in _MISSING) and not isinstance(error, SyntaxException)
        return MissingTableError(why) if missing else RefusedStatementError(why)
    if access is Access.CONDITIONAL and (sent or not isinstance(error, NoHostAvailable)):
        return UnknownWriteError(why)
    return UnreachableError(why)


def _message(error: BaseException) -> str:
    if isinstance(error, NoHostAvailable):
        # Its own text repeats every host's whole error; a line is enough for whoever has to act.
        reasons = {f"{type(reason).__name__}: {reason}" for reason in error.errors.values()}
        return "; ".join(sorted(reasons)) or "no node is known to be up"
    return str(error.message) if isinstance(error, ErrorMessage) else str(error)


def not_connected(error: Exception, *, encrypted: bool) -> str:
    """Why no node let us in, and what to do about it where that is known.

    Args:
        error: What the driver raised.
        encrypted: Whether we asked for encryption.
    """
    reasons = {"": error} if not isinstance(error, NoHostAvailable) or not error.errors else error.errors
    return "; ".join(sorted({f"{host}: {_reason(reason, encrypted=encrypted)}" for host, reason in reasons.items()}))


def _reason(error: object, *, encrypted: bool) -> str:
    why = f"{type(error).__name__}: {error}"
    if "Bad credentials" in why:
        return f"{why}: look at the user in the store's address and at KINELOG_CASSANDRA_PASSWORD"
    if "requires authentication" in why:
        return f"{why}: name a user in the store's address, and set KINELOG_CASSANDRA_PASSWORD"
    if "certificate verify failed" in why:  # in an OSError of the driver's own
        return f"{why}: cassandra_ca must hold the authority that signed the node's certificate, for this very address"
    if isinstance(error, ConnectionResetError | ConnectionShutdown) and not encrypted:
        return f"{why}: if the cluster wants encryption, set cassandra_ca"
    return why
