"""An operator's way to the group of nodes: what is written in ZooKeeper, and what each node says of itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import click
from kinelog.actors.membership.control import ClusterControl
from kinelog.actors.membership.errors import CoordinatorAddressError, MembershipError
from kinelog.actors.membership.port import Member
from kinelog.routing.cluster_secret import ClusterSecret
from kinelog.routing.cluster_status import Collected, collect_once
from kinelog.service.cluster_secrets import cluster_secret_from, zookeeper_secret_from
from kinelog.service.configuration import Settings, load_settings
from kinelog.service.errors import CommandError, ConfigurationError, UnavailableServiceError
from kinelog.service.group_address import zookeeper_address
from kinelog.service.group_joining import NODES
from kinelog.service.group_tls import group_tls

Function = TypeVar("Function", bound=Callable[..., object])


class NoSuchNodeError(CommandError):
    """The group has no such member, or the log no such shard."""

    exit_code = 66


def zookeeper_option(function: Function) -> Function:
    """`--zookeeper ADDRESS`; None leaves it to the environment and `kinelog.toml`."""
    return click.option(
        "--zookeeper",
        metavar="HOST:PORT[,…][/ROOT]",
        help="Where the group of nodes is found.  [setting: zookeeper, KINELOG_ZOOKEEPER]",
    )(function)


def group_settings(data: Path, zookeeper: str | None, store: str | None = None) -> Settings:
    """Settings that name a group.

    Raises:
        ConfigurationError: They name none, or one is wrong.
    """
    settings = load_settings(data, zookeeper=zookeeper, store=store)
    if settings.zookeeper is None:
        raise ConfigurationError("which group of nodes? Give --zookeeper host:port, or set KINELOG_ZOOKEEPER")
    return settings


@contextmanager
def group_control(settings: Settings) -> Iterator[ClusterControl]:
    """The group's nodes, to be looked at and told what to own.

    Raises:
        UnavailableServiceError: ZooKeeper does not answer, or refuses.
        ConfigurationError: What it needs is not installed, or a name is none.
    """
    # Late: the client is an extra.
    try:
        from kinelog.actors.membership.zookeeper_control import ZooKeeperControl
    except ImportError as error:
        raise ConfigurationError("zookeeper needs its client: pip install 'kinelog[cluster]'") from error
    address, secret = zookeeper_address(settings.zookeeper or ""), zookeeper_secret_from()
    try:
        with ZooKeeperControl(address, NODES, secret=secret) as control:
            yield control
    except CoordinatorAddressError as error:
        raise ConfigurationError(str(error)) from error
    except MembershipError as error:
        raise UnavailableServiceError(str(error)) from error


def asked(settings: Settings, members: Sequence[Member]) -> tuple[Collected, ...]:
    """What each member says of itself, or why it does not.

    Raises:
        ConfigurationError: A certificate is not what it should be.
    """
    try:
        secret = ClusterSecret(cluster_secret_from())
    except ConfigurationError as error:
        return tuple(Collected(member, None, f"not asked: {error.message}") for member in members)
    return collect_once(secret, members, group_tls(settings))
