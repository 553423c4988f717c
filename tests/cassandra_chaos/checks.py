"""What must hold of a deployment after every fault."""

from __future__ import annotations

import json
from dataclasses import dataclass

from kinelog.journal.errors import JournalError
from kinelog.projections.errors import ViewsUnavailableError

from tests.cassandra_chaos.deployment import Deployment, NeverError
from tests.cassandra_chaos.history import Judgement, frames_in_ledgers, judge
from tests.cassandra_chaos.stored_frames import StoredFrames
from tests.projections.cassandra_floor import Dump, dump_cluster

SOUND = "sound"
EQUAL = "equal"
PATIENCE_S = 240.0
ATTEMPTS = 5
EXIT_TRY_AGAIN = 75
SHOWN = "shown"


@dataclass(frozen=True)
class Checked:
    """What was found.

    Attributes:
        judgement: Of what was acknowledged.
        verify: What `kinelog journal verify` says: `sound`, or the findings.
        tables: `equal`, or which tables differ from a rebuild; `shown` where no rebuild was made: they show the whole
            log, and the next rebuild compares what they hold.
    """

    judgement: Judgement
    verify: str
    tables: str

    @property
    def verified(self) -> bool:
        """Whether the log is sound."""
        return self.verify == SOUND

    @property
    def tables_hold(self) -> bool:
        """Whether nothing was found in the tables."""
        return self.tables in (EQUAL, SHOWN)


class Checks:
    """Looks at one deployment again and again, and reads the log only further on."""

    def __init__(self, deployment: Deployment) -> None:
        """Nothing is read yet."""
        self._deployment = deployment
        self._stored = StoredFrames(deployment.opened)

    def judged(self) -> Judgement:
        """Hold the phones' record against the log, while people train."""
        acknowledged = frames_in_ledgers(*self._deployment.ledgers)
        self._deployment.wait_for(self._read_log, "the log can be read", PATIENCE_S)
        return judge(acknowledged, self._stored.counts)

    def everything(self, *, rebuild: bool = True) -> Checked:
        """All that must hold; people stand still meanwhile."""
        self._deployment.pause_people()
        try:
            return Checked(self.judged(), self._verified(), self._rebuilt() if rebuild else self._shown())
        finally:
            self._deployment.resume_people()

    def _read_log(self) -> bool:
        try:
            self._stored.read_on()
        except JournalError:  # the cluster is not well yet: a deadline runs
            return False
        return True

    def _verified(self) -> str:
        done = self._deployment.kinelog("journal", "verify", "--json")
        if not done.stdout:
            return done.stderr.strip()
        report = json.loads(done.stdout)
        if report["sound"]:
            return SOUND
        return "; ".join(f"{one['kind']} in shard {one['shard']} at {one['position']}" for one in report["findings"])

    def _shown(self) -> str:
        self._caught_up()
        return SHOWN

    def _rebuilt(self) -> str:
        """Whether the tables that the worker wrote while things broke are those that a rebuild writes now."""
        for _ in range(ATTEMPTS):
            heads = self._caught_up()
            live = self._dump()
            done = self._deployment.kinelog("project", "--rebuild", "all")
            if done.returncode == EXIT_TRY_AGAIN:
                continue
            if done.returncode != 0:
                return f"no rebuild: {done.stderr.strip()}"
            if self._caught_up() == heads:  # else somebody's session was closed meanwhile: another log, other tables
                return difference(live, self._dump())
        return "the log never stood still"

    def _caught_up(self) -> dict[int, int]:
        """Wait until the views show the whole log; the positions."""
        heads: dict[int, int] = {}
        last = "nothing was asked"
        journal, read_side = self._deployment.opened.journal, self._deployment.opened.read_side()

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
            self._deployment.wait_for(caught_up, "the views show the whole log", PATIENCE_S)
        except NeverError as error:
            raise NeverError(f"{error}\n{last}") from error
        return heads

    def _dump(self) -> Dump:
        return dump_cluster(self._deployment.opened.connection, "live")


def difference(live: Dump, rebuilt: Dump) -> str:
    """Which tables are not the same; `equal` if none."""
    names = sorted(live.keys() | rebuilt.keys())
    different = [
        f"{name} ({len(live.get(name, []))} rows, rebuilt {len(rebuilt.get(name, []))})"
        for name in names
        if live.get(name) != rebuilt.get(name)
    ]
    return "; ".join(different) or EQUAL
