"""Everything that must hold of a cluster, looked at while people stand still."""

from __future__ import annotations

from dataclasses import dataclass

from kinelog.journal.errors import JournalError
from kinelog.service.configuration import DataFolder, load_settings
from kinelog.service.inspected_store import inspected

from tests.cassandra_chaos.store_checks import EQUAL, PATIENCE_S, SOUND, StoreChecks
from tests.cluster_chaos.deployment import Deployment
from tests.cluster_chaos.history import Stored
from tests.cluster_chaos.judge import Complaint, Evidence, judge, late_answers
from tests.cluster_chaos.stored_log import stored_things


@dataclass(frozen=True)
class Checked:
    """What was found.

    Attributes:
        acknowledged, stored: Different frames and labels: that a phone was told are stored, and in the log.
        late: Answers about commits that came after another node had the shard.
        complaints: What broke a rule.
    """

    acknowledged: int
    stored: int
    late: int
    complaints: tuple[Complaint, ...]


class Checks:
    """Looks at one deployment, each time at all of it."""

    def __init__(self, deployment: Deployment) -> None:
        """Nothing is read yet."""
        self._deployment = deployment
        self._store = StoreChecks(deployment)

    def everything(self, *, rebuild: bool) -> Checked:
        """All that must hold, while nobody sends anything.

        The tables are compared with a rebuild in the store, or with a fold in memory.
        """
        deployment = self._deployment
        exchanges, looks = deployment.exchanges(), deployment.looks()
        acquisitions, answers = deployment.group.witnessed()
        evidence = Evidence(exchanges, self._log(), looks, acquisitions, answers, deployment.upgraded_s)
        complaints = judge(evidence)
        if (verified := self._store.verified()) != SOUND:
            complaints.append(Complaint("verify", verified))
        if (tables := self._store.rebuilt() if rebuild else self._store.folded()) != EQUAL:
            complaints.append(Complaint("tables", tables))
        return Checked(
            len({one.named for one in exchanges if one.acknowledged}),
            len({entry.named for entry in evidence.stored}),
            late_answers(evidence),
            tuple(complaints),
        )

    def _log(self) -> list[Stored]:
        found: list[Stored] = []
        deployment = self._deployment
        settings = load_settings(deployment.desk, store=deployment.store)

        def read() -> bool:
            try:
                with inspected(DataFolder(deployment.desk), settings) as log:
                    found[:] = stored_things(log, deployment.opened.codec)
            except JournalError:  # the store is not well yet: a deadline runs
                return False
            return True

        deployment.wait_for(read, "the log can be read", PATIENCE_S)
        return found
