"""What must hold of a store whatever happened: its log is sound, and its tables are those that a rebuild writes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Protocol

from kinelog.cassandra_session.connection import Access, Statement
from kinelog.cassandra_session.errors import CassandraError
from kinelog.journal.errors import JournalError
from kinelog.projections.cassandra.cassandra_views import CassandraViews
from kinelog.projections.cassandra.registry import Registry
from kinelog.projections.errors import ViewsUnavailableError
from kinelog.projections.worker import ProjectionWorker
from kinelog.service.cluster_data import ClusterData

from tests.projections.cassandra_floor import Dump, dump_cluster, dump_tables, empty_tables

SOUND = "sound"
EQUAL = "equal"
PATIENCE_S = 240.0
ATTEMPTS = 5
EXIT_TRY_AGAIN = 75


SCHEMA_RESTS_S = 300.0
"""Three nodes on two processors take minutes to drop the tables that a rebuild replaced, under load."""
LIVE = "live"
SCHEMA_VERSIONS = tuple(
    Statement(f"SELECT schema_version FROM system.{table}", Access.READ)  # noqa: S608 - of two names
    for table in ("local", "peers")
)


class NeverError(AssertionError):
    """Something that had to happen did not, in its time."""


class Examined(Protocol):
    """A deployment whose store is looked at."""

    opened: ClusterData

    def kinelog(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command on its store."""

    def wait_for(self, condition: Callable[[], bool], what: str, timeout_s: float) -> None:
        """Wait until a condition holds.

        Raises:
            NeverError: Time is up.
        """


class StoreChecks:
    """Looks at one store; nobody may write meanwhile, but for the tables' workers."""

    def __init__(self, examined: Examined) -> None:
        """Look at this one."""
        self._examined = examined

    def verified(self) -> str:
        """What `kinelog journal verify` says: `sound`, or the findings."""
        done = self._examined.kinelog("journal", "verify", "--json")
        if not done.stdout:
            return done.stderr.strip()
        report = json.loads(done.stdout)
        if report["sound"]:
            return SOUND
        return "; ".join(f"{one['kind']} in shard {one['shard']} at {one['position']}" for one in report["findings"])

    def rebuilt(self) -> str:
        """Whether the tables that workers wrote while things broke are those that a rebuild writes now."""
        for _ in range(ATTEMPTS):
            heads = self._caught_up()
            live = self._dump()
            done = self._examined.kinelog("project", "--rebuild", "all")
            if done.returncode == EXIT_TRY_AGAIN:
                continue
            if done.returncode != 0:
                return f"no rebuild: {done.stderr.strip()}"
            if self._caught_up() == heads:  # else somebody's session was closed meanwhile: another log, other tables
                return difference(live, self._dump())
        return "the log never stood still"

    def folded(self) -> str:
        """Whether the tables are those that a worker of this process folds the log into, in memory."""
        journal = self._examined.opened.journal
        for _ in range(ATTEMPTS):
            heads = self._caught_up()
            tables = empty_tables()
            ProjectionWorker(journal, self._examined.opened.codec, CassandraViews(tables, journal.shards)).catch_up()
            live = self._dump()
            if self._caught_up() == heads:
                return difference(unordered(live), unordered(dump_tables(tables)))
        return "the log never stood still"

    def _caught_up(self) -> dict[int, int]:
        """Wait until the views show the whole log; the positions."""
        heads: dict[int, int] = {}
        last = "nothing was asked"
        journal, read_side = self._examined.opened.journal, self._examined.opened.read_side()

        def caught_up() -> bool:
            nonlocal heads, last
            try:
                heads = {shard: journal.head(shard) for shard in range(journal.shards)}
                as_of = read_side.as_of()
            except (JournalError, ViewsUnavailableError) as error:  # not well yet: a deadline runs
                last = str(error)
                return False
            last = f"heads {heads}, views {as_of}"
            return all(as_of.get(shard, 0) == position for shard, position in heads.items())

        try:
            self._examined.wait_for(caught_up, "the views show the whole log", PATIENCE_S)
        except NeverError as error:
            raise NeverError(f"{error}\n{last}") from error
        return heads

    def _dump(self) -> Dump:
        return dump_cluster(self._examined.opened.connection, "live")


def schema_rests(opened: ClusterData) -> bool:
    """Whether the tables of the views are there, none is being made or dropped, and all nodes know of them.

    A node of Cassandra that is killed while it writes down a table does not start again: what it has of a schema it
    reads before it replays its log. So none is killed then, as no operator would.
    """
    connection = opened.connection
    try:
        generations = Registry(connection).read().document.generations
        known = {row[0] for statement in SCHEMA_VERSIONS for row in connection.ask(statement)}
    except CassandraError:  # not well yet: a deadline runs
        return False
    return bool(generations) and all(one.state == LIVE for one in generations) and len(known) == 1


def unordered(dump: Dump) -> Dump:
    """The same rows without an order of columns: a cluster gives them by name, memory as they were declared."""
    return {name: sorted(tuple(sorted(map(repr, row))) for row in rows) for name, rows in dump.items()}


def difference(live: Dump, rebuilt: Dump) -> str:
    """Which tables are not the same; `equal` if none."""
    names = sorted(live.keys() | rebuilt.keys())
    different = [
        f"{name} ({len(live.get(name, []))} rows, rebuilt {len(rebuilt.get(name, []))})"
        for name in names
        if live.get(name) != rebuilt.get(name)
    ]
    return "; ".join(different) or EQUAL
