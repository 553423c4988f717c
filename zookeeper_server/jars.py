"""ZooKeeper's jars, and the Java that runs them."""

from __future__ import annotations

import sys
from pathlib import Path

from cassandra_server.errors import CassandraServerError
from cassandra_server.java import find_java
from cassandra_server.maven_jars import MavenJars
from zookeeper_server.errors import ZooKeeperServerError

HERE = Path(__file__).resolve().parent
POM = HERE / "pom.xml"
SUMS = HERE / "jars.sha256"
VERSION = "3.9.5"


def java_and_jars() -> tuple[Path, Path]:
    """The program and the folder of the jars, which are fetched if need be.

    Raises:
        ZooKeeperServerError: Java or Maven is missing, or the jars cannot be fetched.
    """
    try:
        return find_java(), MavenJars(f"Apache ZooKeeper {VERSION}", f"zookeeper-{VERSION}", POM, SUMS).fetched()
    except CassandraServerError as error:
        raise ZooKeeperServerError(str(error)) from error


if __name__ == "__main__":
    try:
        java, jars = java_and_jars()
    except ZooKeeperServerError as problem:
        sys.exit(str(problem))
    print(f"{java} runs the ZooKeeper in {jars}")
