"""The list of erasures in Cassandra: numbered without gaps, and followed by every process that shows or seals anything.

An erasure is appended with `INSERT … IF NOT EXISTS` at the next free number. A process that knows the list up to a
number asks once in half a second what lies behind it: one small read, however long the list is, without any clock that
would have to agree with another.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable

from kinelog.cassandra_session.connection import Access, Connection, Statement
from kinelog.cassandra_session.errors import CassandraError, UnknownWriteError
from kinelog.privacy.cassandra_answers import answering
from kinelog.privacy.erasures import Erasures
from kinelog.privacy.errors import DamagedErasuresError, KeyStoreUnavailableError, PrivacyError
from kinelog.privacy.key_table import Person
from typing_extensions import override

BLOCK = 4_096
"""Erasures in one partition."""

POLL_S = 0.5
STALE_S = 10.0
"""A process that has not heard of the list for so long does not know who was erased, and says so."""

_TRIES = 100
_PERSON = re.compile(r"[a-z0-9-]{1,32}/([0-9a-f]{32}|@)")
_BEHIND = Statement("SELECT number, tenant, pseudonym FROM {keys}.erasures WHERE block = ? AND number > ?", Access.READ)
_APPEND = Statement(
    "INSERT INTO {keys}.erasures (block, number, tenant, pseudonym, at_ms) VALUES (?, ?, ?, ?, ?) IF NOT EXISTS",
    Access.CONDITIONAL,
)

logger = logging.getLogger(__name__)


class CassandraErasures(Erasures):
    """The list, kept in memory and followed by a thread of its own."""

    def __init__(
        self, connection: Connection, *, poll_s: float = POLL_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Read the whole list and begin to follow it.

        Args:
            connection: Stays its owner's.
            poll_s: Seconds between two looks.
            clock: Monotonic seconds.

        Raises:
            KeyStoreUnavailableError: The cluster does not answer.
            DamagedErasuresError: A number is missing.
        """
        self._where = f"keyspace {connection.keyspaces.keys}"
        self._connection = connection
        self._clock = clock
        self._lock = threading.Lock()
        self._people: set[Person] = set()
        self._watchers: list[Callable[[Person], None]] = []
        self._number = 0
        self._known_at = 0.0
        self._closing = threading.Event()
        self.heard_within_s = 1.5 * poll_s  # a look that has just begun, the pause behind it, and the next look
        self.refresh()
        # A daemon: whoever ends without closing must not hang on it; it only reads.
        self._thread = threading.Thread(target=self._follow, args=(poll_s,), name="erasures", daemon=True)
        self._thread.start()

    @override
    def __contains__(self, person: Person) -> bool:
        if person in self._people:
            return True
        if self._clock() - self._known_at > STALE_S:
            raise KeyStoreUnavailableError(f"{self._where}: nobody knows who was erased in the last {STALE_S:.0f} s")
        return False

    @override
    def people(self) -> frozenset[Person]:
        with self._lock:
            return frozenset(self._people)

    @override
    def append(self, person: Person, now_ms: int) -> None:
        if not _PERSON.fullmatch("/".join(person)):
            raise ValueError(f"{person[0]!r}/{person[1]!r} is no tenant and pseudonym")
        for _ in range(_TRIES):
            self.refresh()
            if person in self._people:
                return
            number = self._number + 1
            try:
                with answering(self._where):
                    self._connection.conditional(_APPEND, (_block(number), number, *person, now_ms))
            except KeyStoreUnavailableError as error:
                # Perhaps it was applied, perhaps it will be: then the person stands in the list twice, which says
                # the same. What must not happen is to return before it is known to stand there.
                if not isinstance(error.__cause__, UnknownWriteError):
                    raise
        raise KeyStoreUnavailableError(f"{self._where}: an erasure could not be written down in {_TRIES} tries")

    @override
    def refresh(self) -> None:
        with self._lock:
            asked_at = self._clock()
            while True:
                block = _block(self._number + 1)
                with answering(self._where):
                    rows = self._connection.ask(_BEHIND, (block, self._number))
                for number, tenant, pseudonym in rows:
                    if number != self._number + 1:
                        raise DamagedErasuresError(f"{self._where}: erasure number {self._number + 1} is missing")
                    self._number += 1
                    self._notice((str(tenant), str(pseudonym)))
                if _block(self._number + 1) == block:
                    break
            self._known_at = asked_at

    @override
    def watch(self, noticed: Callable[[Person], None]) -> None:
        with self._lock:
            self._watchers.append(noticed)
            for person in self._people:
                noticed(person)

    @override
    def close(self) -> None:
        self._closing.set()
        self._thread.join()

    def _notice(self, person: Person) -> None:
        if person not in self._people:
            self._people.add(person)
            for noticed in self._watchers:
                noticed(person)

    def _follow(self, poll_s: float) -> None:
        failing = False
        while not self._closing.wait(poll_s):
            try:
                self.refresh()
                failing = False
            except (PrivacyError, CassandraError) as error:
                if not failing:
                    logger.warning("the list of erasures cannot be read at the moment: %s", error)
                failing = True


def _block(number: int) -> int:
    return (number - 1) // BLOCK
