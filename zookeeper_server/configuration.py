"""What a server is configured with, and its command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from zookeeper_server.addresses import Address

TICK_MS = 500
"""Sessions last for 2 to 20 ticks: 1 to 10 s."""
ALONE = "org.apache.zookeeper.server.ZooKeeperServerMain"
OF_SEVERAL = "org.apache.zookeeper.server.quorum.QuorumPeerMain"


def write_configuration(folder: Path, address: Address, ensemble: Sequence[Address]) -> Path:
    """Write a server's `zoo.cfg`, and which of the ensemble it is.

    Args:
        folder: The server's; data and log lie below.
        address: Where it listens.
        ensemble: All servers, this one among them, in the order that all of them know.

    Returns:
        The file.
    """
    data = folder / "data"
    for needed in (data, folder / "log"):
        needed.mkdir(parents=True, exist_ok=True)
    lines = [
        f"tickTime={TICK_MS}",
        "initLimit=10",
        "syncLimit=4",
        f"dataDir={data}",
        f"clientPort={address.port}",
        f"clientPortAddress={address.host}",
        "admin.enableServer=false",
        "4lw.commands.whitelist=ruok,srvr,mntr",
        "maxClientCnxns=0",
    ]
    if len(ensemble) > 1:
        for number, each in enumerate(ensemble, start=1):
            lines.append(f"server.{number}={each.host}:{each.quorum_port}:{each.election_port}")
        (data / "myid").write_text(f"{ensemble.index(address) + 1}\n")
    file = folder / "zoo.cfg"
    file.write_text("\n".join(lines) + "\n")
    return file


def server_command(java: Path, jars: Path, configuration: Path, servers: int, *, forgetful: bool) -> list[str]:
    """The command line of one server.

    Args:
        java: The program.
        jars: The folder of the jars.
        configuration: The server's `zoo.cfg`.
        servers: How many there are in all.
        forgetful: Whether it need not wait for its disk: for tests.
    """
    return [
        str(java),
        "-Xms32m",
        "-Xmx128m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-XX:-UsePerfData",
        "-XX:+ExitOnOutOfMemoryError",
        "-Djava.net.preferIPv4Stack=true",
        "-Djava.awt.headless=true",
        "-Dzookeeper.jmx.log4j.disable=true",
        "-Dorg.slf4j.simpleLogger.showDateTime=true",
        "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS",
        *(["-Dzookeeper.forceSync=no"] if forgetful else []),
        "-cp",
        f"{jars}/*",
        ALONE if servers == 1 else OF_SEVERAL,
        str(configuration),
    ]
