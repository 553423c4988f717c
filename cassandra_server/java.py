"""The Java that Cassandra 5.0 runs on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from cassandra_server.errors import MissingProgramError

SUPPORTED = 17
"""Cassandra 5.0 supports 11 and 17; the options in `jvm.py` are those for 17. Later ones lack the security manager."""
DEBIAN_HOMES = Path("/usr/lib/jvm")
HOW_TO_INSTALL = (
    f"Cassandra 5.0 runs on Java {SUPPORTED}. Debian: apt-get install openjdk-{SUPPORTED}-jre-headless; elsewhere see "
    f"https://adoptium.net. Where several are installed, let JAVA_HOME point at {SUPPORTED}."
)
_VERSION = re.compile(r'version "(\d+)')


def find_java() -> Path:
    """The first Java of the right version: of JAVA_HOME, of the PATH, or where Debian puts them.

    Raises:
        MissingProgramError: There is none; the message says which others were found and what to install.
    """
    others = []
    for program in _candidates():
        version = _version(program)
        if version == SUPPORTED:
            return program
        others.append(f"{program} is {'no Java' if version is None else f'Java {version}'}")
    found = "; ".join(others) if others else "there is no `java` on the PATH and no JAVA_HOME"
    raise MissingProgramError(f"no Java {SUPPORTED} on this machine ({found}). {HOW_TO_INSTALL}")


def _candidates() -> Iterator[Path]:
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home) / "bin" / "java"
    if on_path := shutil.which("java"):
        yield Path(on_path)
    if os.environ.get("PATH"):  # an emptied PATH means a machine without Java
        yield from sorted(DEBIAN_HOMES.glob(f"*-{SUPPORTED}-*/bin/java"))


def _version(program: Path) -> int | None:
    try:
        said = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=60, check=False)
    except OSError:
        return None
    match = _VERSION.search(said.stderr)
    return int(match[1]) if match else None
