"""Cassandra's jars."""

from __future__ import annotations

import sys
from pathlib import Path

from cassandra_server.errors import CassandraServerError
from cassandra_server.java import find_java
from cassandra_server.maven_jars import MavenJars

HERE = Path(__file__).resolve().parent
POM = HERE / "pom.xml"
SUMS = HERE / "jars.sha256"
VERSION = "5.0.6"


def server_jars() -> Path:
    """The folder of the jars; fetches them if need be. Safe in several processes at once.

    Raises:
        MissingProgramError: They must be fetched, and Maven or Java is missing.
        CassandraServerError: They cannot be fetched, or are not what `jars.sha256` says.
    """
    return MavenJars(f"Apache Cassandra {VERSION}", f"cassandra-{VERSION}", POM, SUMS).fetched()


if __name__ == "__main__":
    try:
        print(f"{find_java()} runs the Cassandra in {server_jars()}")
    except CassandraServerError as problem:
        sys.exit(str(problem))
