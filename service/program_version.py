"""Which version of the program this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

UNPACKAGED = "unpackaged"
"""A checkout that was not installed."""


def program_version() -> str:
    """The installed version."""
    try:
        return version("kinelog")
    except PackageNotFoundError:
        return UNPACKAGED
