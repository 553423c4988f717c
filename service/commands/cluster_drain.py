"""`kinelog cluster drain`."""

from __future__ import annotations

from pathlib import Path

import click
from kinelog.service.group_control import NoSuchNodeError, group_control, group_settings, zookeeper_option
from kinelog.service.group_waiting import wait_until_it_holds_nothing, within_option
from kinelog.service.options import data_option, json_option, print_result


@click.command()
@click.argument("node")
@click.option("--undo", is_flag=True, help="Let it own shards again.")
@click.option("--wait", is_flag=True, help="Come back when it holds nothing any more.")
@within_option
@data_option
@zookeeper_option
@json_option
def command(
    *, node: str, undo: bool, wait: bool, within_s: float, data: Path, zookeeper: str | None, as_json: bool
) -> None:
    """Have NODE let all its shards go, one after the other; it stays and forwards what it is asked.

    This outlives restarts of the node, until --undo. Where every node is drained, shards stay where they are placed.
    Exits with 66 where there is no such node, and with 75 when --wait is over before the node has let everything go.

    \b
    Examples:
      kinelog cluster drain node-2 --wait --zookeeper 127.0.0.1:2181
      kinelog cluster drain node-2 --undo --zookeeper 127.0.0.1:2181
    """
    if undo and wait:
        raise click.UsageError("--wait says when a node has let everything go; with --undo it gets shards back")
    settings = group_settings(data, zookeeper)
    with group_control(settings) as control:
        if undo:
            control.undrain(node)
        else:
            names = [member.name for member in control.view().members]
            if node not in names:
                raise NoSuchNodeError(f"there is no node {node}; there are: {', '.join(names) or 'none'}")
            control.drain(node)
            if wait:
                wait_until_it_holds_nothing(settings, control, node, within_s)
    done = "may own shards again" if undo else "owns nothing any more" if wait else "lets its shards go"
    print_result({"node": node, "drained": not undo}, f"{node} {done}", as_json=as_json)
