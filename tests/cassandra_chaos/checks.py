"""What must hold of a deployment after every fault."""

from __future__ import annotations

from dataclasses import dataclass

from kinelog.journal.errors import JournalError

from tests.cassandra_chaos.deployment import Deployment
from tests.cassandra_chaos.history import Judgement, frames_in_ledgers, judge
from tests.cassandra_chaos.store_checks import EQUAL, PATIENCE_S, SOUND, StoreChecks
from tests.cassandra_chaos.stored_frames import StoredFrames


@dataclass(frozen=True)
class Checked:
    """What was found.

    Attributes:
        judgement: Of what was acknowledged.
        verify: What `kinelog journal verify` says: `sound`, or the findings.
        tables: `equal`, or which tables differ from a rebuild, or from a fold in memory where none was asked for.
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
        return self.tables == EQUAL


class Checks:
    """Looks at one deployment again and again, and reads the log only further on."""

    def __init__(self, deployment: Deployment) -> None:
        """Nothing is read yet."""
        self._deployment = deployment
        self._stored = StoredFrames(deployment.opened)
        self._store = StoreChecks(deployment)

    def judged(self) -> Judgement:
        """Hold the phones' record against the log, while people train."""
        acknowledged = frames_in_ledgers(*self._deployment.ledgers)
        self._deployment.wait_for(self._read_log, "the log can be read", PATIENCE_S)
        return judge(acknowledged, self._stored.counts)

    def everything(self, *, rebuild: bool = True) -> Checked:
        """All that must hold; people stand still meanwhile."""
        self._deployment.pause_people()
        try:
            return Checked(
                self.judged(), self._store.verified(), self._store.rebuilt() if rebuild else self._store.folded()
            )
        finally:
            self._deployment.resume_people()

    def _read_log(self) -> bool:
        try:
            self._stored.read_on()
        except JournalError:  # the cluster is not well yet: a deadline runs
            return False
        return True
