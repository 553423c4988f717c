"""Start ZooKeeper here, and keep it until Ctrl-C (or SIGTERM), or for as long as a command runs.

python3 -m zookeeper_server --folder .data/zookeeper --port 2181
python3 -m zookeeper_server --servers 3 -- kinelog serve --zookeeper {zookeeper}
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from cassandra_server.foreground import INTERRUPTED, Foreground
from zookeeper_server.addresses import addresses_from
from zookeeper_server.ensemble import ZooKeeperEnsemble
from zookeeper_server.errors import ZooKeeperServerError

ADDRESS = "{zookeeper}"


def main() -> int:
    """Run it; the exit code of the command, or 0."""
    arguments = _parser().parse_args()
    foreground = Foreground()
    try:
        places = addresses_from(arguments.address, arguments.port, arguments.servers)
        ensemble = ZooKeeperEnsemble(arguments.folder, addresses=places)
        print(f"starting ZooKeeper in {arguments.folder} …", file=sys.stderr, flush=True)
        with ensemble:
            foreground.only_note()
            _announce(ensemble, as_json=arguments.json)
            return _run(arguments.command, ensemble, foreground) if arguments.command else foreground.wait()
    except ZooKeeperServerError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def _run(command: list[str], ensemble: ZooKeeperEnsemble, foreground: Foreground) -> int:
    filled = [argument.replace(ADDRESS, ensemble.address) for argument in command]
    try:
        return foreground.run(filled)
    except OSError as error:
        raise ZooKeeperServerError(f"cannot run {filled[0]}: {error}") from error


def _announce(ensemble: ZooKeeperEnsemble, *, as_json: bool) -> None:
    if as_json:
        servers = [
            {"address": server.address.for_clients, "pid": server.pid, "log": str(server.log)}
            for server in ensemble.servers
        ]
        print(json.dumps({"zookeeper": ensemble.address, "servers": servers}), flush=True)
    else:
        print(f"ZooKeeper listens on {ensemble.address}; for example:", file=sys.stderr)
        print(f"  kinelog cluster status --zookeeper {ensemble.address}", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 -m zookeeper_server", description="A real ZooKeeper on this machine, without Docker."
    )
    parser.add_argument("--folder", type=Path, default=Path(".data/zookeeper"), help="data and logs; kept")
    parser.add_argument("--servers", type=int, choices=(1, 3), default=1)
    parser.add_argument("--address", default="127.0.0.1", help="of the first; the others take those that follow")
    parser.add_argument("--port", type=int, default=2181, help="for clients")
    parser.add_argument("--json", action="store_true", help="say in JSON, on standard output, what runs")
    parser.add_argument("command", nargs="*", help=f"run this while ZooKeeper runs; {ADDRESS} stands for its address")
    return parser


if __name__ == "__main__":
    sys.exit(main())
