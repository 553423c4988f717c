"""Goes on with the traces of commits in the views: what was folded, and when it could be read.

A commit's id is its trace's, and stands in the log: so this needs nothing but the log, and asks it only in a process
that traces.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence

from kinelog.journal.errors import JournalError
from kinelog.journal.port import Journal
from kinelog.observability import tracing
from kinelog.projections.opening import Opened

logger = logging.getLogger(__name__)


def folded(journal: Journal, chunks: Mapping[int, Sequence[Opened]], reached: Mapping[int, int], began_ns: int) -> None:
    """A batch is in the views.

    Args:
        journal: The log.
        chunks: What was folded, by shard, in log order.
        reached: Position by shard that some view had been folded to before: what a rebuild folds again is no news.
        began_ns: When folding began, Unix nanoseconds.
    """
    tracer = tracing.active()
    if tracer is None:
        return
    ended_ns = time.time_ns()
    events = sum(map(len, chunks.values()))
    for shard, opened in chunks.items():
        if not opened:
            continue
        try:
            names = journal.commits(shard, reached[shard], opened[-1].position)
        except JournalError as error:
            # The views have it; only what is seen of it is missing.
            logger.warning("shard %d: commits that were folded are missing from their traces: %s", shard, error)
            continue
        for name in names:
            attributes = {
                "kinelog.shard": shard, "kinelog.epoch": name.epoch, "kinelog.first_position": name.first,
                "kinelog.events": name.last - name.first + 1, "kinelog.batch_events": events,
            }  # fmt: skip
            tracer.projected(name.commit_id, began_ns, ended_ns, attributes)
