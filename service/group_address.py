"""How a node is called and reached, and where the group that it joins is found: text of settings, taken apart."""

from __future__ import annotations

import re
import socket

from kinelog.actors.membership.errors import CoordinatorAddressError
from kinelog.actors.membership.zookeeper_layout import ZooKeeperAddress
from kinelog.service.errors import ConfigurationError

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")
_PLACE = re.compile(r"(?P<host>[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?")
_ANYWHERE = ("", "0.0.0.0", "::")  # noqa: S104 - told apart here, not listened on
_LARGEST_PORT = 65_535


def zookeeper_address(text: str) -> ZooKeeperAddress:
    """Where the group is found.

    Raises:
        ConfigurationError: It is not written `host[:port],host[:port][/root]`.
    """
    try:
        return ZooKeeperAddress.parse(text)
    except CoordinatorAddressError as error:
        raise ConfigurationError(str(error)) from error


def node_name(given: str | None) -> str:
    """The name of this node: the one that is given, else made of this machine's.

    Raises:
        ConfigurationError: The given one cannot be a name.
    """
    if given is None:
        cleaned = re.sub(r"[^a-z0-9.-]", "-", socket.gethostname().lower()).lstrip(".-")[:63]
        return cleaned or "node"
    if not _NAME.fullmatch(given):
        rule = "lower-case letters, digits, dots and dashes, 63 at most, the first a letter or digit"
        raise ConfigurationError(f"node: {given!r} must be of {rule}")
    return given


def reached_at(advertise: str | None, listening: str, port: int) -> str:
    """`host:port` at which other nodes reach this one.

    Args:
        advertise: `host` or `host:port`, where others see another address than we do; None where they do not.
        listening: What the channel listens on.
        port: The port that it got.

    Raises:
        ConfigurationError: No host can be told others.
    """
    if advertise is None:
        if listening in _ANYWHERE:
            raise ConfigurationError(f"advertise is missing: other nodes cannot reach {listening or 'any address'}")
        return f"[{listening}]:{port}" if ":" in listening else f"{listening}:{port}"
    found = _PLACE.fullmatch(advertise)
    if found is None or not 0 <= int(found["port"] or 0) <= _LARGEST_PORT or found["host"] in _ANYWHERE:
        raise ConfigurationError(f"advertise: {advertise!r} must be a host that others reach, or host:port")
    return f"{found['host']}:{found['port'] or port}"
