"""Start Cassandra here, and keep it until Ctrl-C (or SIGTERM), or for as long as a command runs.

python3 -m cassandra_server --folder .data/cassandra
python3 -m cassandra_server --nodes 3 -- kinelog serve --store {store}
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from cassandra_server.addresses import addresses_from
from cassandra_server.cluster import CassandraCluster
from cassandra_server.configuration import Options
from cassandra_server.errors import CassandraServerError
from cassandra_server.foreground import INTERRUPTED, Foreground

STORE = "{store}"


def main() -> int:
    """Run it; the exit code of the command, or 0."""
    arguments = _parser().parse_args()
    foreground = Foreground()
    try:
        cluster = CassandraCluster(
            arguments.folder,
            options=Options(
                heap=arguments.heap, commitlog_sync=arguments.commitlog_sync, short_lived=arguments.short_lived
            ),
            addresses=addresses_from(arguments.address, arguments.port, arguments.nodes),
        )
        print(f"starting Cassandra in {arguments.folder} …", file=sys.stderr, flush=True)
        with cluster:
            foreground.only_note()
            _announce(cluster, as_json=arguments.json)
            return _run(arguments.command, cluster, foreground) if arguments.command else foreground.wait()
    except CassandraServerError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def _run(command: list[str], cluster: CassandraCluster, foreground: Foreground) -> int:
    filled = [argument.replace(STORE, cluster.store_url) for argument in command]
    try:
        return foreground.run(filled)
    except OSError as error:
        raise CassandraServerError(f"cannot run {filled[0]}: {error}") from error


def _announce(cluster: CassandraCluster, *, as_json: bool) -> None:
    if as_json:
        nodes = [{"contact_point": node.contact_point, "pid": node.pid, "log": str(node.log)} for node in cluster.nodes]
        print(json.dumps({"store": cluster.store_url, "nodes": nodes}), flush=True)
    else:
        print(f"Cassandra listens on {', '.join(cluster.contact_points)}; for example:", file=sys.stderr)
        print(f"  kinelog serve --store {cluster.store_url}", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 -m cassandra_server", description="A real Cassandra on this machine, without Docker."
    )
    parser.add_argument("--folder", type=Path, default=Path(".data/cassandra"), help="data and logs; kept")
    parser.add_argument("--nodes", type=int, choices=(1, 3), default=1)
    parser.add_argument("--address", default="127.0.0.1", help="of the first node; the others take those that follow")
    parser.add_argument("--port", type=int, default=9042, help="for clients")
    parser.add_argument("--heap", default="512M", help="of each node, as Java writes it (512M, 2G)")
    parser.add_argument("--commitlog-sync", choices=("periodic", "group", "batch"), default="periodic")
    parser.add_argument("--short-lived", action="store_true", help="start sooner, serve slower")
    parser.add_argument("--json", action="store_true", help="say in JSON, on standard output, what runs")
    parser.add_argument("command", nargs="*", help=f"run this while Cassandra runs; {STORE} stands for its --store")
    return parser


if __name__ == "__main__":
    sys.exit(main())
