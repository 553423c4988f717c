"""How many files the process may have open: a connection is one of them."""

from __future__ import annotations

import logging
import resource

logger = logging.getLogger(__name__)

OTHERS = 256
"""Files that are not clients' connections: databases, connections to stores and nodes, the log."""


def open_files_for(connections: int) -> None:
    """Have the system allow this process as many open files as it needs to keep its own bound on connections.

    The usual limit, 1024, may be raised by anybody up to the hard one. A process without a file left cannot open its
    own databases, so it says so at the start where the hard one is too low.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + OTHERS
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < wanted:
        logger.warning(
            "%d connections need %d open files, and this process may have %d: raise its hard limit (ulimit -Hn), or "
            "lower the setting `connections`", connections, wanted, allowed,
        )  # fmt: skip
