"""A hash of the code that fits: results of other code are never taken for results of this one."""

from __future__ import annotations

import hashlib
import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

import kinelog.device
import kinelog.ml

LIBRARIES: Final = ("keras", "msgspec", "numpy", "scikit-learn", "tensorflow-cpu", "tensorflow")


@cache
def code_version() -> str:
    """16 hex digits over every module of `device` and `ml`, the libraries that compute, and the type of processor."""
    hashed = hashlib.sha256(f"{platform.machine()} {platform.python_version()}".encode())
    for package in (kinelog.device, kinelog.ml):
        root = Path(package.__path__[0])
        for path in sorted(root.rglob("*.py")):
            hashed.update(path.relative_to(root).as_posix().encode())
            hashed.update(hashlib.sha256(path.read_bytes()).digest())
    for library in LIBRARIES:
        hashed.update(f"{library} {_version(library)}".encode())
    return hashed.hexdigest()[:16]


def _version(library: str) -> str:
    try:
        return version(library)
    except ModuleNotFoundError:
        # One of the two TensorFlows is never there.
        return "absent"
