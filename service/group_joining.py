"""Joining a group of processes that find each other by ZooKeeper, as the settings say."""

from __future__ import annotations

import secrets

from kinelog.actors.membership.port import Member, Membership
from kinelog.api.openapi import program_version
from kinelog.journal.event_forms import NEWEST
from kinelog.service.cluster_secrets import zookeeper_secret_from
from kinelog.service.configuration import Settings
from kinelog.service.errors import ConfigurationError
from kinelog.service.group_address import node_name, zookeeper_address
from kinelog.service.parent_channel import ParentChannel

NODES = "nodes"
"""Those that serve."""

PROJECTIONS = "projections"
"""Those that fold."""


def group_of(settings: Settings, channel: ParentChannel | None = None) -> str | None:
    """Under what the members of the group share the lock of a data folder; None where nobody shares it."""
    if channel is not None:
        return channel.group
    return None if settings.zookeeper is None else f"nodes of {settings.zookeeper}"


_LIFE_BYTES = 8


def this_node(settings: Settings, address: str = "") -> Member:
    """What this process announces about itself.

    Args:
        settings: Name and weight.
        address: `host:port` of its channel; empty for who takes no questions.
    """
    return Member(
        name=node_name(settings.node),
        life=secrets.token_hex(_LIFE_BYTES),
        address=address,
        version=program_version(),
        reads=NEWEST,
        weight=settings.weight,
    )


def zookeeper_membership(settings: Settings, group: str, me: Member, shards: int) -> Membership:
    """Membership in a group, not started.

    Raises:
        ConfigurationError: What it needs is not installed, or its secret cannot be read.
    """
    # Late: the client is an extra.
    try:
        from kinelog.actors.membership.zookeeper import ZooKeeperMembership
    except ImportError as error:
        raise ConfigurationError("zookeeper needs its client: pip install 'kinelog[cluster]'") from error
    return ZooKeeperMembership(
        zookeeper_address(settings.zookeeper or ""), group, me,
        session_s=settings.session_s, shards=shards, secret=zookeeper_secret_from(),
    )  # fmt: skip
