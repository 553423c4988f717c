"""`kinelog cluster`: its commands are in modules beside this one, each imported only when it is called."""

from __future__ import annotations

import click
from kinelog.service.lazy_group import LazyGroup

COMMANDS: dict[str, tuple[str, str]] = {
    "status": (
        "cluster_status",
        "Show nodes, owners of shards, what moves, workers, and how far the views are behind.",
    ),
    "drain": ("cluster_drain", "Have a node let all its shards go; or take that back."),
    "move": ("cluster_move", "Have a node own a shard; or leave it to placement again."),
}
"""Name on the command line → module in this folder, one line of help."""


class ClusterCommands(LazyGroup):
    """The commands about a group of nodes."""

    table = COMMANDS


@click.group(cls=ClusterCommands)
def command() -> None:
    """Several nodes that share the shards of one log.

    Needs the address of the ZooKeeper that they find each other by, and, to ask them, their KINELOG_CLUSTER_SECRET.
    """
