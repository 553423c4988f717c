"""What lies where in ZooKeeper, and how it is read. Pure: no connection.

{root}/{group}/members/{name}-{life}   ephemeral; a Member, msgpack
{root}/{group}/entering                ephemeral; whose turn it is to enter
{root}/{group}/drained/{name}          an operator wants that node to own nothing
{root}/{group}/pins/{shard}            name of the node that an operator moved that shard to
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from kinelog.actors.membership.errors import BadEntryError, CoordinatorAddressError
from kinelog.actors.membership.port import NAME, Member

log = logging.getLogger(__name__)
_HOST = re.compile(r"[A-Za-z0-9.-]+(:\d{1,5})?|\[[0-9a-fA-F:]+\](:\d{1,5})?")
_ROOT = re.compile(r"(/[A-Za-z0-9._-]+)+")
_GROUP = re.compile(r"[a-z][a-z0-9-]{0,31}")
DEFAULT_PORT = 2181
DEFAULT_ROOT = "/kinelog"
LARGEST_ENTRY = 4096
MOST_SHARDS = 65536
MOST_SAID = 1000
LONGEST_NAME = 100
Value = TypeVar("Value")
_DECODER = msgspec.msgpack.Decoder(Member)
_ENCODER = msgspec.msgpack.Encoder()


@dataclass(frozen=True)
class ZooKeeperAddress:
    """Where the servers are, and below which node of theirs everything of ours lies."""

    hosts: tuple[str, ...]
    """`host:port` of each."""
    root: str = DEFAULT_ROOT

    @classmethod
    def parse(cls, text: str) -> ZooKeeperAddress:
        """Read `host[:port][,host[:port]…][/root]`.

        Raises:
            CoordinatorAddressError: It is written otherwise.
        """
        hosts, slash, root = text.partition("/")
        named = tuple(host.strip() for host in hosts.split(","))
        for host in named:
            if not _HOST.fullmatch(host) or int(_port(host)) not in range(1, 65536):
                raise CoordinatorAddressError(f"zookeeper: {host!r} is no host[:port]; as in zk1:2181,zk2:2181/kinelog")
        if slash and not _ROOT.fullmatch(slash + root):
            raise CoordinatorAddressError(f"zookeeper: {slash + root!r} is no path; as in zk1:2181,zk2:2181/kinelog")
        hosts_and_ports = tuple(host if _has_port(host) else f"{host}:{DEFAULT_PORT}" for host in named)
        return cls(hosts_and_ports, slash + root or DEFAULT_ROOT)


def _has_port(host: str) -> bool:
    return ":" in host.rpartition("]")[2]


def _port(host: str) -> str:
    return host.rpartition(":")[2] if _has_port(host) else str(DEFAULT_PORT)


@dataclass(frozen=True)
class GroupPaths:
    """The paths of one group."""

    root: str
    group: str

    def __post_init__(self) -> None:
        """Refuse a group that is no part of a path."""
        if not _GROUP.fullmatch(self.group):
            raise CoordinatorAddressError(f"{self.group!r} is no name of a group: lower case letters, digits, dashes")

    @property
    def members(self) -> str:
        """Folder of the members."""
        return f"{self.root}/{self.group}/members"

    @property
    def drained(self) -> str:
        """Folder of the nodes that an operator drained."""
        return f"{self.root}/{self.group}/drained"

    @property
    def pins(self) -> str:
        """Folder of the shards that an operator moved."""
        return f"{self.root}/{self.group}/pins"

    @property
    def turn(self) -> str:
        """Of the member that is just entering."""
        return f"{self.root}/{self.group}/entering"

    def member(self, member: Member) -> str:
        """Of one member."""
        return f"{self.members}/{member.name}-{member.life}"


@dataclass(frozen=True)
class Entry:
    """What ZooKeeper says of one node of its tree."""

    name: str
    data: bytes
    version: int
    created: int
    """Transaction that made it: grows over the whole ensemble, so it says which of two is the elder."""
    changed: int
    """Transaction that last wrote it."""
    session: int
    """Whose it is, if it is ephemeral; else 0."""


class EntryReader:
    """Reads entries; what is damaged is left out, and said once a change of it."""

    def __init__(self) -> None:
        """Nothing was read yet."""
        self._said: set[tuple[str, int]] = set()

    def members(self, entries: Iterable[Entry], drained: Iterable[str]) -> list[Member]:
        """Who takes part: the elder of two lives of one name, since the younger waits until that one has gone."""
        wanted = set(drained)
        members: dict[str, Member] = {}
        for entry in sorted(entries, key=lambda entry: entry.created):
            member = self._read(entry, member_of)
            if member is not None and member.name not in members:
                drains = member.draining or member.name in wanted
                members[member.name] = msgspec.structs.replace(member, draining=drains)
        return list(members.values())

    def oldest_form(self, entries: Iterable[Entry]) -> int | None:
        """What all of these read, each life of a name counted: the younger one reads the log, too, or is about to."""
        members = (self._read(entry, member_of) for entry in entries)
        return min((member.reads for member in members if member is not None), default=None)

    def pins(self, entries: Iterable[Entry]) -> dict[int, str]:
        """Shard → name of the node."""
        return dict(pin for entry in entries if (pin := self._read(entry, pin_of)) is not None)

    def _read(self, entry: Entry, read: Callable[[Entry], Value]) -> Value | None:
        try:
            return read(entry)
        except BadEntryError as error:
            if (entry.name, entry.changed) not in self._said and len(self._said) < MOST_SAID:
                self._said.add((entry.name, entry.changed))
                log.warning("ignored in ZooKeeper: %s: %s", entry.name[:LONGEST_NAME], error)
            return None


def member_of(entry: Entry) -> Member:
    """The member that an entry describes.

    Raises:
        BadEntryError: It describes none.
    """
    if len(entry.data) > LARGEST_ENTRY:
        raise BadEntryError(f"more than {LARGEST_ENTRY} bytes")
    try:
        member = _DECODER.decode(entry.data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadEntryError(str(error)) from error
    if entry.name != f"{member.name}-{member.life}":
        raise BadEntryError(f"it describes {member.name}-{member.life}")
    return member


def pin_of(entry: Entry) -> tuple[int, str]:
    """The shard and the node that an entry names.

    Raises:
        BadEntryError: It names none.
    """
    if not entry.name.isdecimal() or not entry.name.isascii() or str(int(entry.name[:6])) != entry.name:
        raise BadEntryError("its name is no number of a shard")
    try:
        node = entry.data[:LARGEST_ENTRY].decode("ascii")
    except UnicodeDecodeError as error:
        raise BadEntryError("it holds no name of a node") from error
    if not NAME.fullmatch(node) or int(entry.name) >= MOST_SHARDS:
        raise BadEntryError("it holds no name of a node, or no such shard can be")
    return int(entry.name), node


def written(member: Member) -> bytes:
    """What a member's entry holds."""
    return _ENCODER.encode(member)
