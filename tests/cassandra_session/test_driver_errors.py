"""Outcomes are never guessed: only what was not sent, or what the cluster refuses, did not happen."""

from __future__ import annotations

import cassandra
import pytest
from cassandra.cluster import NoHostAvailable
from cassandra.connection import ConnectionShutdown
from cassandra.protocol import ErrorMessage
from kinelog.cassandra_session.connection import Access
from kinelog.cassandra_session.driver_errors import translated
from kinelog.cassandra_session.errors import (
    MissingTableError,
    RefusedStatementError,
    UnknownWriteError,
    UnreachableError,
)
from kinelog.cassandra_session.traces import rows_and_tombstones

OPEN_OUTCOMES = [
    cassandra.OperationTimedOut(),
    cassandra.WriteTimeout("timed out", write_type=cassandra.WriteType.CAS),
    cassandra.WriteFailure("failed", write_type=cassandra.WriteType.CAS),
    cassandra.Unavailable("too few"),
    ConnectionShutdown("lost"),
    ErrorMessage(0x1700, "CAS operation result is unknown", None),
    NoHostAvailable("nobody left", {}),
    RuntimeError("something new"),
]


@pytest.mark.parametrize("error", OPEN_OUTCOMES, ids=lambda error: type(error).__name__)
def test_a_conditional_write_that_was_sent_is_unknown_whatever_went_wrong(error: Exception) -> None:
    assert isinstance(translated(error, Access.CONDITIONAL, sent=True), UnknownWriteError)


def test_a_conditional_write_that_no_node_was_given_did_not_happen() -> None:
    error = NoHostAvailable("nobody", {"a": ConnectionShutdown("down")})
    assert isinstance(translated(error, Access.CONDITIONAL, sent=False), UnreachableError)


def test_a_time_out_before_anything_is_known_to_be_sent_is_still_unknown() -> None:
    assert isinstance(translated(cassandra.OperationTimedOut(), Access.CONDITIONAL, sent=False), UnknownWriteError)


@pytest.mark.parametrize("error", OPEN_OUTCOMES, ids=lambda error: type(error).__name__)
def test_reads_and_idempotent_writes_may_be_tried_again(error: Exception) -> None:
    assert isinstance(translated(error, Access.READ, sent=True), UnreachableError)
    assert isinstance(translated(error, Access.WRITE, sent=True), UnreachableError)


def test_what_the_cluster_refuses_did_not_happen() -> None:
    assert isinstance(
        translated(cassandra.InvalidRequest("too large"), Access.CONDITIONAL, sent=True), RefusedStatementError
    )
    assert isinstance(translated(cassandra.Unauthorized("no"), Access.CONDITIONAL, sent=True), RefusedStatementError)
    missing = cassandra.InvalidRequest('code=2200 [Invalid query] message="table nix does not exist"')
    assert isinstance(translated(missing, Access.READ, sent=True), MissingTableError)


def test_traces_are_counted_by_replica_and_scans_noticed() -> None:
    events = ["Parsing SELECT", "Read 51 live rows and 2 tombstone cells", "Read 50 live rows and 3 tombstone cells"]
    assert rows_and_tombstones(events) == (51, 3, False)
    assert rows_and_tombstones(["Submitted 1 concurrent range requests", "Read 9 live rows and 0 tombstone cells"]) == (
        9,
        0,
        True,
    )
