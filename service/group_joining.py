"""Joining a group of processes that find each other by ZooKeeper, as the settings say."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import msgspec
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
"""Those that share the folding."""

READERS = "readers"
"""Others that read the log for a while, or for good: rebuilds, workers of shards that somebody chose."""

_LONGEST_NAME = 63


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


def this_reader(settings: Settings) -> Member:
    """What this process announces of itself where it only reads, beside others of the same node that do."""
    me = this_node(settings)
    return msgspec.structs.replace(me, name=f"{me.name[: _LONGEST_NAME - 1 - len(me.life)]}-{me.life}")


def worker_of(settings: Settings) -> str:
    """How the one worker of several serving processes is called among them."""
    return f"{node_name(settings.node)[: _LONGEST_NAME - 1 - len(PROJECTIONS)]}-{PROJECTIONS}"


def zookeeper_membership(
    settings: Settings, group: str, me: Member, shards: int = 0, *, workers: Sequence[str] = ()
) -> Membership:
    """Membership in a group, not started.

    Args:
        settings: Where the group is found, and its secret.
        group: Which.
        me: What to announce.
        shards: How many the group shares; 0 where it shares none.
        workers: Other groups, whose members read what this one writes.

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
        session_s=settings.session_s, shards=shards, secret=zookeeper_secret_from(), workers=workers,
    )  # fmt: skip
