"""What stores say of the cluster's errors, and when a conditional write counts as undecided."""

from __future__ import annotations

import pytest
from kinelog.cassandra_session.connection import Access, Conditional, Statement, Value
from kinelog.cassandra_session.errors import (
    CassandraError,
    MissingTableError,
    RefusedStatementError,
    UnknownWriteError,
    UnreachableError,
)
from kinelog.cassandra_session.store_errors import told_as, until_known
from typing_extensions import override

from tests.cassandra.unsure_connection import Fate, UnsureConnection
from tests.projections.timestamped_tables import TimestampedTables

PUT = Statement("INSERT INTO {keys}.words (word, meaning) VALUES (?, ?) IF NOT EXISTS", Access.CONDITIONAL)


class Words(TimestampedTables):
    """A cluster that is only asked to put words that are not there."""

    def __init__(self) -> None:
        super().__init__(())
        self.meaning: dict[Value, Value] = {}

    @override
    def conditional(self, statement: Statement, values: tuple[Value, ...]) -> Conditional:
        word, meaning = values
        if word in self.meaning:
            return Conditional(applied=False, current={"meaning": self.meaning[word]})
        self.meaning[word] = meaning
        return Conditional(applied=True, current={})


class AwayError(Exception):
    """A store's own."""


class UnfitError(Exception):
    """A store's own."""


@pytest.mark.parametrize(
    ("error", "told", "words"),
    [
        (MissingTableError("unconfigured"), UnfitError, "here has no tables of words: run `kinelog schema apply`"),
        (RefusedStatementError("not yours"), UnfitError, "here: not yours"),
        (UnreachableError("nobody is up"), AwayError, "here: nobody is up"),
        (UnknownWriteError("no answer"), AwayError, "here: no answer"),
    ],
)
def test_an_error_of_the_cluster_is_one_of_the_store(error: CassandraError, told: type[Exception], words: str) -> None:
    with (
        pytest.raises(told) as raised,
        told_as("here", "words", unavailable=AwayError, incompatible=UnfitError),
    ):
        raise error
    assert str(raised.value) == words
    assert raised.value.__cause__ is error


def test_what_is_no_error_of_the_cluster_passes() -> None:
    with pytest.raises(KeyError), told_as("here", "words", unavailable=AwayError, incompatible=UnfitError):
        raise KeyError


def test_a_write_without_an_answer_is_made_again_until_there_is_one_and_given_up_in_the_end() -> None:
    connection = UnsureConnection(Words())
    connection.meet(Fate.LOST, Fate.LOST)
    assert until_known(connection, PUT, ("a", "first"), 3).applied
    connection.meet(Fate.ANSWER_LOST)
    assert until_known(connection, PUT, ("b", "mine"), 2).current["meaning"] == "mine"  # so it was applied
    connection.meet(Fate.LOST, Fate.LOST)
    with pytest.raises(UnknownWriteError):
        until_known(connection, PUT, ("c", "never"), 2)
