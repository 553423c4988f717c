"""Break a whole cluster under people who train, and judge what they were told.

make chaos
python -m tests.cluster_chaos --minutes 5 --seed 3 --json
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from cassandra_server.errors import CassandraServerError
from tests.cassandra_chaos.store_checks import NeverError
from tests.cluster_chaos.campaign import Campaign
from tests.cluster_chaos.deployment import FEW_PEOPLE, Deployment, People, Servers
from tests.cluster_chaos.faults import SHORT_STOCK, UncleanEndError, round_of
from tests.cluster_chaos.report import document, found_in, table
from zookeeper_server.errors import ZooKeeperServerError

EXIT_FOUND = 70
STARTED_S = time.monotonic()


def main() -> int:
    """Run it; 0 if nothing was found."""
    arguments = _parser().parse_args()
    seed = random.SystemRandom().randrange(1_000_000) if arguments.seed is None else arguments.seed
    _tell(f"seed {seed}")
    try:
        with tempfile.TemporaryDirectory(prefix="kinelog-chaos-", dir=arguments.folder) as folder:
            return _run(arguments, Path(folder), seed)
    except (CassandraServerError, ZooKeeperServerError) as error:
        _tell(str(error))
        return 1


def _run(arguments: argparse.Namespace, folder: Path, seed: int) -> int:
    chance = random.Random(seed)  # chooses parts and moments
    stuck: str | None = None
    _tell("starting three nodes of Cassandra, ZooKeeper, and three nodes of the service …")
    people = FEW_PEOPLE if arguments.short else People()
    servers = Servers.in_folder(folder, heap=arguments.heap, short_lived=arguments.short)
    with servers, Deployment(servers, folder, "chaos", seed, people) as deployment:
        campaign = Campaign(deployment, _tell)
        try:
            if arguments.short:
                for fault in round_of(SHORT_STOCK, chance):
                    campaign.run(fault)
                campaign.look(rebuild=False)
            else:
                campaign.rounds(60 * arguments.minutes, chance)
        except (NeverError, UncleanEndError) as error:
            _tell(f"FOUND {error}")
            stuck = str(error).partition("\n")[0]
        if arguments.log is not None:
            arguments.log.write_text(deployment.group.log)
    print(document(campaign, seed, stuck) if arguments.json else table(campaign, seed, stuck))
    return EXIT_FOUND if found_in(campaign, stuck) else 0


def _tell(words: str) -> None:
    print(f"{time.monotonic() - STARTED_S:6.1f} s  {words}", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.cluster_chaos",
        description="Kills, pauses and cuts apart nodes of the service, Cassandra and ZooKeeper while people train, "
        "and judges what their phones were told against the log. Exits with 70 if anything was found.",
        epilog="example: python -m tests.cluster_chaos --minutes 5 --seed 3",
    )
    parser.add_argument("--minutes", type=float, default=30.0, help="how long faults go on  [30]")
    parser.add_argument("--seed", type=int, help="chooses parts, moments, people and movements  [another each time]")
    parser.add_argument("--short", action="store_true", help="some faults once, as CI does")
    parser.add_argument("--heap", default="384M", help="of each node of Cassandra  [384M]")
    parser.add_argument("--folder", type=Path, help="where to keep data while it runs  [the system's for such things]")
    parser.add_argument("--log", type=Path, help="file for what the nodes logged")
    parser.add_argument("--json", action="store_true", help="print the table as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
