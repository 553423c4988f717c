"""Break a cluster of three under people who train, and look after each fault whether anything was lost.

make chaos-cassandra
python -m tests.cassandra_chaos --rounds 1 --kills 5 --seed 3 --json
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from cassandra_server.cluster import CassandraCluster
from cassandra_server.configuration import Options
from cassandra_server.errors import CassandraServerError
from tests.cassandra_chaos.deployment import Deployment
from tests.cassandra_chaos.rounds import Outcome, Rounds, full_plan, short_plan
from tests.cassandra_chaos.store_checks import NeverError

COLUMNS = "{:<26} {:>5} {:>12} {:>8} {:>8} {:>5} {:>7} {:>7} {:>10} {:>9} {:>7}"
HEADINGS = (
    "fault", "times", "acknowledged", "stored", "doubled", "lost", "verify", "tables", "without", "longest", "503s",
)  # fmt: skip
EXIT_FOUND = 70


def main() -> int:
    """Run it; 0 if nothing was found."""
    arguments = _parser().parse_args()
    chance = random.Random(arguments.seed)  # chooses nodes and moments
    plan = short_plan(chance) if arguments.short else full_plan(arguments.rounds, arguments.kills, chance)
    outcomes: list[Outcome] = []
    stuck = False
    try:
        with tempfile.TemporaryDirectory(prefix="kinelog-chaos-", dir=arguments.folder) as folder:
            cluster = CassandraCluster(
                Path(folder) / "ring", nodes=3, options=Options(heap=arguments.heap, commitlog_sync="group")
            )
            _tell("starting three nodes …")
            with cluster, Deployment(cluster, Path(folder), "chaos", arguments.seed) as deployment:
                rounds = Rounds(deployment, _tell)
                for fault, times in plan:
                    outcome = rounds.run(fault, times)
                    outcomes.append(outcome)
                    _tell(_row(outcome))
                    for complaint in outcome.complaints:
                        _tell(f"  FOUND {complaint}")
                        _tell(deployment.service.log[-8_000:])
                if arguments.log is not None:
                    arguments.log.write_text("".join([*deployment.logs, deployment.service.log]))
    except NeverError as error:
        _tell(f"FOUND {error}")
        stuck = True
    except CassandraServerError as error:
        _tell(str(error))
        return 1
    print(json.dumps([_for_machines(outcome) for outcome in outcomes]) if arguments.json else _table(outcomes))
    return EXIT_FOUND if stuck or any(outcome.complaints for outcome in outcomes) else 0


def _tell(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def _table(outcomes: Iterable[Outcome]) -> str:
    lines = [COLUMNS.format(*HEADINGS), *map(_row, outcomes)]
    return "\n".join([*lines, "without: longest time for any phone without an acknowledged frame; longest: answer"])


def _row(outcome: Outcome) -> str:
    judgement = outcome.checked.judgement
    return COLUMNS.format(
        outcome.fault,
        outcome.times,
        judgement.acknowledged,
        judgement.stored,
        len(judgement.doubled),
        len(judgement.lost),
        "sound" if outcome.checked.verify == "sound" else "FOUND",
        "equal" if outcome.checked.tables == "equal" else "DIFFER",
        f"{outcome.without_service_s:.1f} s",
        f"{outcome.longest_answer_s:.1f} s",
        outcome.refused,
    )


def _for_machines(outcome: Outcome) -> dict[str, object]:
    judgement = outcome.checked.judgement
    return {
        "fault": outcome.fault,
        "times": outcome.times,
        "acknowledged": judgement.acknowledged,
        "stored": judgement.stored,
        "doubled": [list(frame) for frame in judgement.doubled],
        "lost": [list(frame) for frame in judgement.lost],
        "verify": outcome.checked.verify,
        "tables": outcome.checked.tables,
        "without_service_s": round(outcome.without_service_s, 2),
        "longest_answer_s": round(outcome.longest_answer_s, 2),
        "refused": outcome.refused,
        "memory_bytes": outcome.memory_bytes,
        "log_bytes": outcome.log_bytes,
        "complaints": outcome.complaints,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.cassandra_chaos",
        description="Kills and pauses Cassandra nodes and the service while people train, and looks after each fault "
        "whether every acknowledged frame is in the log once, the log is sound, and the tables equal a rebuild. "
        "Exits with 70 if anything was found.",
        epilog="example: python -m tests.cassandra_chaos --rounds 1 --kills 5 --seed 3",
    )
    parser.add_argument("--seed", type=int, default=1, help="chooses nodes, moments and movements  [1]")
    parser.add_argument("--rounds", type=int, default=2, help="how often each fault of nodes is done  [2]")
    parser.add_argument("--kills", type=int, default=50, help="how often the service is killed in all  [50]")
    parser.add_argument("--short", action="store_true", help="each kind of fault once, briefly, as CI does")
    parser.add_argument("--heap", default="384M", help="of each node  [384M]")
    parser.add_argument("--folder", type=Path, help="where to keep data while it runs  [the system's for such things]")
    parser.add_argument("--log", type=Path, help="file for what the service logged")
    parser.add_argument("--json", action="store_true", help="print the table as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
