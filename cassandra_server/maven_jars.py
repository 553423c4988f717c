"""Jars of a server: fetched once from Maven Central, checked against pinned sums, kept in the user's cache."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cassandra_server.errors import CassandraServerError, MissingProgramError
from cassandra_server.java import find_java

ATTEMPTS = 3
DOWNLOAD_TIMEOUT_S = 600.0


def cache() -> Path:
    """Where jars are kept: `$KINELOG_CACHE`, else `kinelog` in the user's cache folder."""
    if own := os.environ.get("KINELOG_CACHE"):
        return Path(own).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "kinelog"


@dataclass(frozen=True)
class MavenJars:
    """One server's jars."""

    name: str
    """Of the server: `Apache Cassandra`."""
    folder_name: str
    """In the cache; names the version."""
    pom: Path
    """Which jars."""
    sums: Path
    """What each must be: lines of SHA-256 and file name."""

    def fetched(self) -> Path:
        """The folder of the jars; fetches them if need be. Safe in several processes at once.

        Raises:
            MissingProgramError: They must be fetched, and Maven or Java is missing.
            CassandraServerError: They cannot be fetched, or are not what is pinned.
        """
        folder = cache() / self.folder_name
        if folder.is_dir():  # it gets this name only when complete
            return folder
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with _alone(folder.with_name(f"{folder.name}.lock")):
                if not folder.is_dir():
                    self._fetch(folder)
        except OSError as error:
            raise CassandraServerError(f"cannot keep the jars of {self.name} in {folder.parent}: {error}") from error
        return folder

    def _fetch(self, folder: Path) -> None:
        maven = shutil.which("mvn")
        if maven is None:
            raise MissingProgramError(
                f"{self.name} is not in {folder.parent} yet, and Maven, which fetches it, is not on the PATH. "
                "Debian: apt-get install maven"
            )
        java_home = find_java().resolve().parent.parent
        # Beside its final place: a rename across file systems is not atomic.
        temporary = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
        try:
            for attempt in range(1, ATTEMPTS + 1):
                said = self._copy_dependencies(maven, java_home, temporary)
                if said is None:
                    break
                if attempt == ATTEMPTS:
                    raise CassandraServerError(
                        f"Maven could not fetch {self.name} ({ATTEMPTS} attempts). Is Maven Central "
                        f"reachable from here? Maven said:\n{said}"
                    )
            self._check(temporary)
            temporary.chmod(0o755)
            temporary.rename(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def _copy_dependencies(self, maven: str, java_home: Path, into: Path) -> str | None:
        """None when it worked, else the end of what Maven said."""
        goal = ["dependency:copy-dependencies", f"-DoutputDirectory={into}"]
        environment = os.environ | {"JAVA_HOME": str(java_home)}
        try:
            done = subprocess.run(
                [maven, "-q", "-B", "-C", "-f", str(self.pom), *goal],
                env=environment,
                capture_output=True,
                text=True,
                timeout=DOWNLOAD_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"nothing within {DOWNLOAD_TIMEOUT_S:.0f} s"
        return None if done.returncode == 0 else (done.stdout + done.stderr)[-2000:]

    def _check(self, folder: Path) -> None:
        """Hold what was fetched against the committed sums; a wrong jar must not get into the cache."""
        wanted = {name: digest for digest, name in (line.split() for line in self.sums.read_text().splitlines())}
        found = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in folder.glob("*.jar")}
        if wrong := sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name)):
            raise CassandraServerError(
                f"what Maven fetched is not what {self.sums.name} pins: {', '.join(wrong[:10])} ({len(wrong)} in all). "
                "Empty the local Maven repository of a damaged download, or look into who answers for Maven Central "
                "here."
            )


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # closing the file, or dying, lets go
        yield
