"""What the harness does to the processes that it starts, before their first line: read by every interpreter on start.

Nothing of the service knows of it: the harness puts this folder on the path of the processes it starts, and variables
that no configuration has say what is to be done. Children of a process inherit both.
"""

from __future__ import annotations

import os
import sys

if os.environ.get("CHAOS_CLOCK_S"):
    from tests.cluster_chaos import other_clock

    other_clock.shift(float(os.environ["CHAOS_CLOCK_S"]))
if os.environ.get("CHAOS_SOURCE"):
    from tests.cluster_chaos import own_address

    own_address.connect_from(os.environ["CHAOS_SOURCE"])
if "kinelog.service" in sys.orig_argv:
    if os.environ.get("CHAOS_NEXT_VERSION"):
        from tests.cluster_chaos import next_version

        next_version.install()
    if os.environ.get("CHAOS_WITNESS") and "serve" in sys.orig_argv:
        from tests.cluster_chaos import witness

        witness.install(os.environ["CHAOS_WITNESS"])
    if os.environ.get("CHAOS_BREAKS") and "serve" in sys.orig_argv:
        from tests.cluster_chaos import broken_rules

        broken_rules.install(os.environ["CHAOS_BREAKS"])
