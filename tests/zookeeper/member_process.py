"""A member in a process of its own, to be stopped and killed; says in JSON lines what it knows.

    python -m tests.zookeeper.member_process ZOOKEEPER NAME SESSION_S

`{"joined": life}` when it is a member; `{"ended": life, "last_s": …}` when the lease of that life was over, with the
last moment at which it still held, by the machine's monotonic clock. Ends with its standard input.
"""

from __future__ import annotations

import json
import secrets
import sys
import threading
import time

from kinelog.actors.membership.port import Member
from kinelog.actors.membership.zookeeper import ZooKeeperMembership
from kinelog.actors.membership.zookeeper_layout import ZooKeeperAddress

SAMPLE_S = 0.0005


def main() -> None:
    """Take part, and look at the lease all the time."""
    zookeeper, name, session_s = sys.argv[1:]
    me = Member(name=name, life=secrets.token_hex(8), address="", version="1", reads=1)
    membership = ZooKeeperMembership(ZooKeeperAddress.parse(zookeeper), "nodes", me, session_s=float(session_s))
    ended = threading.Event()
    watch = threading.Thread(target=_watch, args=(membership, ended))
    membership.start(lambda _view: None)
    watch.start()
    sys.stdin.read()
    ended.set()
    watch.join()
    membership.stop()


def _watch(membership: ZooKeeperMembership, ended: threading.Event) -> None:
    holds, last_s = "", 0.0
    while not ended.wait(SAMPLE_S):
        life, until_s = membership.me.life, membership.lease_until_s()
        now = time.monotonic()
        if holds and (until_s <= now or life != holds):
            print(json.dumps({"ended": holds, "last_s": last_s}), flush=True)
            holds = ""
        if until_s > now:
            if not holds:
                print(json.dumps({"joined": life}), flush=True)
            holds, last_s = life, now


if __name__ == "__main__":
    main()
