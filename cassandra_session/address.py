"""Where a deployment lies: `cassandra://[user@]host[:port][,host[:port]…]/prefix?dc=datacenter1&replication=3`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from kinelog.cassandra_session.errors import AddressError
from typing_extensions import override

SCHEME = "cassandra"
DEFAULT_PORT = 9042
DEFAULT_PREFIX = "kinelog"

_PREFIX = re.compile(r"[a-z][a-z0-9_]{0,39}")
_OPTIONS = {"dc", "replication"}


@dataclass(frozen=True, slots=True)
class CassandraAddress:
    """A cluster and the deployment in it.

    Attributes:
        hosts: Contact points; the driver finds the other nodes.
        prefix: Names of the keyspaces begin with it.
        user: Who to log in as; None where the cluster asks for nobody.
        data_center: Whose replicas must agree; None takes that of the contact points.
        replication: Replicas that new keyspaces get.
    """

    hosts: tuple[str, ...]
    port: int = DEFAULT_PORT
    prefix: str = DEFAULT_PREFIX
    user: str | None = None
    data_center: str | None = None
    replication: int = 1

    @classmethod
    def parse(cls, text: str) -> CassandraAddress:
        """Read an address.

        Raises:
            AddressError: The message names the part that is wrong, and never repeats a password.
        """
        parts = urlsplit(text)
        if parts.scheme != SCHEME:
            raise AddressError(f"the address of a cluster begins with {SCHEME}://")
        user, _, location = parts.netloc.rpartition("@")
        if ":" in user:
            raise AddressError("a password does not belong into an address: set KINELOG_CASSANDRA_PASSWORD")
        hosts, port = _hosts(location)
        prefix = parts.path.strip("/") or DEFAULT_PREFIX
        if not _PREFIX.fullmatch(prefix):
            raise AddressError(
                f"prefix {prefix!r}: a small letter, then up to 39 small letters, digits and underscores"
            )
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        if unknown := sorted(options.keys() - _OPTIONS):
            raise AddressError(f"unknown option {unknown[0]!r}; there are dc and replication")
        return cls(hosts, port, prefix, unquote(user) or None, options.get("dc") or None, _replication(options))

    @override
    def __str__(self) -> str:
        """The address as it is written; it holds no secret."""
        user = f"{quote(self.user, safe='')}@" if self.user else ""
        center = f"dc={quote(self.data_center, safe='')}&" if self.data_center else ""
        hosts = ",".join(f"{host}:{self.port}" for host in self.hosts)
        return f"{SCHEME}://{user}{hosts}/{self.prefix}?{center}replication={self.replication}"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a connection shows and demands.

    Attributes:
        password: Of the address's user.
        ca: Certificates that a node's own must be signed by; given, everything is encrypted and names are verified.
        certificate: Shown to the cluster; `key` belongs to it.
    """

    password: str | None = field(default=None, repr=False)
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


def _hosts(location: str) -> tuple[tuple[str, ...], int]:
    hosts: list[str] = []
    ports: set[int] = set()
    for entry in location.split(","):
        host, colon, port = entry.rpartition(":") if ":" in entry else (entry, "", "")
        if not host:
            raise AddressError(f"no host in {location!r}")
        if colon and not (port.isdigit() and 0 < int(port) < 65_536):
            raise AddressError(f"port {port!r} of {host}: a number from 1 to 65535")
        hosts.append(host)
        ports.add(int(port) if port else DEFAULT_PORT)
    if len(ports) > 1:
        raise AddressError("all nodes of a cluster answer at one port")
    return tuple(hosts), ports.pop()


def _replication(options: dict[str, str]) -> int:
    text = options.get("replication", "1")
    if not (text.isdigit() and 1 <= int(text) <= 99):
        raise AddressError(f"replication {text!r}: a number from 1 to 99")
    return int(text)
