"""Secrets of a group of nodes: from the environment, or from files that it names; never a setting, never in a log."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from kinelog.service.errors import ConfigurationError

CLUSTER_SECRET_VARIABLE = "KINELOG_CLUSTER_SECRET"  # noqa: S105  # the name of the variable, not what is in it
CLUSTER_SECRET_FILE_VARIABLE = "KINELOG_CLUSTER_SECRET_FILE"  # noqa: S105  # as above
ZOOKEEPER_SECRET_VARIABLE = "KINELOG_ZOOKEEPER_SECRET"  # noqa: S105  # as above
ZOOKEEPER_SECRET_FILE_VARIABLE = "KINELOG_ZOOKEEPER_SECRET_FILE"  # noqa: S105  # as above

LEAST_SECRET_BYTES = 32


def cluster_secret_from(environment: Mapping[str, str] | None = None) -> bytes:
    """What nodes prove to each other that they belong together with.

    Raises:
        ConfigurationError: There is none, it is too short, or its file cannot be read. It is never part of the message.
    """
    secret = _secret(environment, CLUSTER_SECRET_VARIABLE, CLUSTER_SECRET_FILE_VARIABLE)
    names = f"{CLUSTER_SECRET_VARIABLE} or {CLUSTER_SECRET_FILE_VARIABLE}"
    if secret is None:
        raise ConfigurationError(
            f"{names} is missing: every node of a group needs the same, {LEAST_SECRET_BYTES} bytes"
        )
    if len(secret.encode()) < LEAST_SECRET_BYTES:
        raise ConfigurationError(f"{names}: {LEAST_SECRET_BYTES} bytes at least, such as `openssl rand -hex 32` prints")
    return secret.encode()


def zookeeper_secret_from(environment: Mapping[str, str] | None = None) -> str | None:
    """What shows ZooKeeper that this is one of us; None where everybody who reaches it may change everything.

    Raises:
        ConfigurationError: Its file cannot be read, or it is empty.
    """
    secret = _secret(environment, ZOOKEEPER_SECRET_VARIABLE, ZOOKEEPER_SECRET_FILE_VARIABLE)
    if secret == "":
        raise ConfigurationError(f"{ZOOKEEPER_SECRET_VARIABLE} or {ZOOKEEPER_SECRET_FILE_VARIABLE} is empty")
    return secret


def _secret(environment: Mapping[str, str] | None, variable: str, file_variable: str) -> str | None:
    environment = os.environ if environment is None else environment
    if (secret := environment.get(variable)) is not None:
        return secret
    if (file := environment.get(file_variable)) is None:
        return None
    try:
        return Path(file).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file_variable}: {type(error).__name__}: {file}") from error
