"""`kinelog cluster move`."""

from __future__ import annotations

from pathlib import Path

import click
from kinelog.actors.membership.control import ClusterControl
from kinelog.service.configuration import Settings
from kinelog.service.group_control import NoSuchNodeError, asked, group_control, group_settings, zookeeper_option
from kinelog.service.group_waiting import wait_until_it_serves, within_option
from kinelog.service.options import data_option, json_option, print_result


@click.command()
@click.argument("shard", type=click.IntRange(min=0))
@click.argument("node", required=False)
@click.option("--back", is_flag=True, help="Leave the shard to placement again.")
@click.option("--wait", is_flag=True, help="Come back when NODE answers for the shard.")
@within_option
@data_option
@zookeeper_option
@json_option
def command(
    *,
    shard: int,
    node: str | None,
    back: bool,
    wait: bool,
    within_s: float,
    data: Path,
    zookeeper: str | None,
    as_json: bool,
) -> None:
    """Have NODE own SHARD, while it is there and not draining; else, and with --back, placement says whose it is.

    Callers wait for a moment and see no error. Exits with 66 where there is no such node or shard, and with 75 when
    --wait is over before NODE answers for the shard.

    \b
    Examples:
      kinelog cluster move 3 node-2 --wait --zookeeper 127.0.0.1:2181
      kinelog cluster move 3 --back --zookeeper 127.0.0.1:2181
    """
    if back == (node is not None) or (back and wait):
        raise click.UsageError("name the node that is to own the shard, or give --back; --wait needs a node")
    settings = group_settings(data, zookeeper)
    with group_control(settings) as control:
        if node is None:
            control.unpin(shard)
        else:
            _refuse_what_is_not_there(settings, control, shard, node)
            control.pin(shard, node)
            if wait:
                wait_until_it_serves(settings, control, node, shard, within_s)
    text = f"shard {shard} is where placement has it" if node is None else f"shard {shard} is to be {node}'s"
    print_result({"shard": shard, "node": node}, text, as_json=as_json)


def _refuse_what_is_not_there(settings: Settings, control: ClusterControl, shard: int, node: str) -> None:
    members = {member.name: member for member in control.view().members}
    if node not in members:
        raise NoSuchNodeError(f"there is no node {node}; there are: {', '.join(members) or 'none'}")
    if members[node].draining:
        raise NoSuchNodeError(f"{node} is draining: `kinelog cluster drain {node} --undo`, or choose another")
    statuses = [each.status for each in asked(settings, list(members.values())) if each.status]
    shards = {status.shard for of in statuses for status in of.shards}
    if shards and shard > max(shards):
        raise NoSuchNodeError(f"there is no shard {shard}; there are 0 to {max(shards)}")
