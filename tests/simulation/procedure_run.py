"""Runs a procedure of the fenced log, a statement at a time, in a process that may stand still or die in between."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from kinelog.cassandra_session.errors import CassandraError, UnreachableError
from kinelog.journal.cassandra.procedures import Steps
from kinelog.journal.cassandra.requests import Reply, Request
from kinelog.journal.errors import JournalError, UnavailableError

if TYPE_CHECKING:
    from tests.simulation.node import Node

T = TypeVar("T")
Heard = Callable[[Reply | CassandraError], None]
Send = Callable[[Request, Heard], None]


class ProcedureRun(Generic[T]):
    """One run. What its node's life does not see the end of, nobody hears of; what was sent goes on without it."""

    def __init__(self, node: Node, send: Send, steps: Steps[T], ended: Callable[[T | JournalError], None]) -> None:
        self._node = node
        self._life = node.life
        self._send = send
        self._steps = steps
        self._ended = ended

    def start(self) -> None:
        """Ask for the first statement."""
        self._node.when_awake(self._life, partial(self._advance, lambda: next(self._steps)))

    def _heard(self, reply: Reply | CassandraError) -> None:
        if isinstance(reply, CassandraError):
            move = partial(self._steps.throw, reply)
        else:
            move = partial(self._steps.send, reply)
        self._node.when_awake(self._life, partial(self._advance, move))

    def _advance(self, move: Callable[[], Request]) -> None:
        try:
            request = move()
        except StopIteration as end:
            self._ended(end.value)
        except JournalError as error:
            self._ended(error)
        except UnreachableError as error:
            self._ended(UnavailableError(str(error)))
        else:
            self._send(request, self._heard)
