"""`kinelog cluster status`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click
import msgspec
from kinelog.service.configuration import DataFolder
from kinelog.service.group_control import group_settings, zookeeper_option
from kinelog.service.group_look import GroupLook
from kinelog.service.group_report import GroupReport, in_words
from kinelog.service.options import data_option, json_option, print_result, store_option

LOOK_EVERY_S = 2.0


@click.command()
@data_option
@store_option
@zookeeper_option
@click.option(
    "--watch",
    "every_s",
    type=click.FloatRange(min=0.2, max=3600.0),
    is_flag=False,
    flag_value=LOOK_EVERY_S,
    metavar="[SECONDS]",
    help=f"Look again every so many seconds ({LOOK_EVERY_S:g} where none are given) until Ctrl-C.",
)
@json_option
def command(*, data: Path, store: str | None, zookeeper: str | None, every_s: float | None, as_json: bool) -> None:
    """Show nodes, who owns which shard, what moves, which projection workers there are, and how far they are behind.

    A node that does not answer is said so, and its shards are shown as placement has them. The lag needs the store,
    which is looked at where this runs. A worker that is shown was heard of within its session. Exits with 69 when no
    node is there.

    With --watch a terminal is painted anew with each look, anything else gets one report after the other, and --json
    one object a line. A look that finds no node or no ZooKeeper says so, and the next follows; Ctrl-C ends it with 0.

    \b
    Examples:
      kinelog cluster status --zookeeper 127.0.0.1:2181 --store cassandra://127.0.0.1/kinelog
      kinelog cluster status --zookeeper 127.0.0.1:2181 --watch 5
      kinelog cluster status --zookeeper 127.0.0.1:2181 --watch --json >> moves.jsonl
    """
    settings = group_settings(data, zookeeper, store=store)
    with GroupLook(DataFolder(data), settings) as look:
        if every_s is not None:
            _watch(look, every_s, as_json=as_json)
            return
        report = look.report()
    print_result(_for_machines(report), in_words(report), as_json=as_json)
    if not report.nodes:
        sys.exit(69)


def _watch(look: GroupLook, every_s: float, *, as_json: bool) -> None:
    """Look at once, then each time that so much went by since the last look began, until Ctrl-C."""
    try:
        while True:
            began = time.monotonic()
            _show(look.report_or_why_not(), every_s, as_json=as_json)
            time.sleep(max(0.0, began + every_s - time.monotonic()))
    except KeyboardInterrupt:
        return


def _show(report: GroupReport, every_s: float, *, as_json: bool) -> None:
    if not as_json:
        click.clear()  # at a terminal; elsewhere it does nothing
    words = f"{time.strftime('%H:%M:%S')}, again every {every_s:g} s until Ctrl-C\n\n{in_words(report)}\n"
    print_result(_for_machines(report), words, as_json=as_json)
    sys.stdout.flush()  # whoever reads along reads a pipe


def _for_machines(report: GroupReport) -> dict[str, object]:
    built: dict[str, object] = msgspec.to_builtins(report)
    return built
