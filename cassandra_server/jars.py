"""The server's jars: fetched once from Maven Central, checked against `jars.sha256`, kept in the user's cache."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cassandra_server.errors import CassandraServerError, MissingProgramError
from cassandra_server.java import find_java

HERE = Path(__file__).resolve().parent
POM = HERE / "pom.xml"
SUMS = HERE / "jars.sha256"
VERSION = "5.0.6"
ATTEMPTS = 3
DOWNLOAD_TIMEOUT_S = 600.0
MAVEN_MISSING = (
    f"Apache Cassandra {VERSION} is not in {{cache}} yet, and Maven, which fetches it, is not on the PATH. "
    "Debian: apt-get install maven"
)


def cache() -> Path:
    """Where the jars are kept: `$KINELOG_CACHE`, else `kinelog` in the user's cache folder."""
    if own := os.environ.get("KINELOG_CACHE"):
        return Path(own).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "kinelog"


def server_jars() -> Path:
    """The folder of the jars; fetches them if need be. Safe in several processes at once.

    Raises:
        MissingProgramError: They must be fetched, and Maven or Java is missing.
        CassandraServerError: They cannot be fetched, or are not what `jars.sha256` says.
    """
    folder = cache() / f"cassandra-{VERSION}"
    if folder.is_dir():  # it gets this name only when complete
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _alone(folder.with_name(f"{folder.name}.lock")):
            if not folder.is_dir():
                _fetch(folder)
    except OSError as error:
        raise CassandraServerError(f"cannot keep Cassandra's jars in {folder.parent}: {error}") from error
    return folder


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # closing the file, or dying, lets go
        yield


def _fetch(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise MissingProgramError(MAVEN_MISSING.format(cache=folder.parent))
    java_home = find_java().resolve().parent.parent
    # Beside its final place: a rename across file systems is not atomic.
    temporary = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    try:
        for attempt in range(1, ATTEMPTS + 1):
            said = _copy_dependencies(maven, java_home, temporary)
            if said is None:
                break
            if attempt == ATTEMPTS:
                raise CassandraServerError(
                    f"Maven could not fetch Apache Cassandra {VERSION} ({ATTEMPTS} attempts). Is Maven Central "
                    f"reachable from here? Maven said:\n{said}"
                )
        _check(temporary)
        temporary.chmod(0o755)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _copy_dependencies(maven: str, java_home: Path, into: Path) -> str | None:
    """None when it worked, else the end of what Maven said."""
    command = [maven, "-q", "-B", "-C", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={into}"]
    environment = os.environ | {"JAVA_HOME": str(java_home)}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=DOWNLOAD_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"nothing within {DOWNLOAD_TIMEOUT_S:.0f} s"
    return None if done.returncode == 0 else (done.stdout + done.stderr)[-2000:]


def _check(folder: Path) -> None:
    """Hold what was fetched against the committed sums; a wrong jar must not get into the cache."""
    wanted = {name: digest for digest, name in (line.split() for line in SUMS.read_text().splitlines())}
    found = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in folder.glob("*.jar")}
    if wrong := sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name)):
        raise CassandraServerError(
            f"what Maven fetched is not what {SUMS.name} pins: {', '.join(wrong[:10])} ({len(wrong)} in all). "
            "Empty the local Maven repository of a damaged download, or look into who answers for Maven Central here."
        )


if __name__ == "__main__":
    try:
        print(f"{find_java()} runs the Cassandra in {server_jars()}")
    except CassandraServerError as problem:
        sys.exit(str(problem))
