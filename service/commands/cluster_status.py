"""`kinelog cluster status`."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import click
import msgspec
from kinelog.cassandra_session.errors import CassandraError
from kinelog.journal.errors import JournalError
from kinelog.privacy.errors import PrivacyError
from kinelog.projections.errors import ProjectionsError
from kinelog.projections.lag import lag_by_shard
from kinelog.projections.status import status_of
from kinelog.service.configuration import EMBEDDED, DataFolder, Settings
from kinelog.service.errors import CommandError
from kinelog.service.group_control import asked, group_control, group_settings, zookeeper_option
from kinelog.service.group_report import GroupReport, in_words, report_of
from kinelog.service.opened_data import open_data
from kinelog.service.options import data_option, json_option, print_result, store_option


@click.command()
@data_option
@store_option
@zookeeper_option
@json_option
def command(*, data: Path, store: str | None, zookeeper: str | None, as_json: bool) -> None:
    """Show nodes, who owns which shard, what moves, and how far the views are behind.

    A node that does not answer is said so, and its shards are shown as placement has them. The lag needs the store,
    which is looked at where this runs. Exits with 69 when no node is there.

    \b
    Example:
      kinelog cluster status --zookeeper 127.0.0.1:2181 --store cassandra://127.0.0.1/kinelog
    """
    settings = group_settings(data, zookeeper, store=store)
    with group_control(settings) as control:
        view, drained = control.view(), control.drained()
    shards, lag, notes = _lag(DataFolder(data), settings)
    report = report_of(view, drained, asked(settings, view.members), shards, lag, notes)
    print_result(_for_machines(report), in_words(report), as_json=as_json)
    if not report.nodes:
        sys.exit(69)


def _for_machines(report: GroupReport) -> dict[str, object]:
    built: dict[str, object] = msgspec.to_builtins(report)
    return built


def _lag(folder: DataFolder, settings: Settings) -> tuple[int | None, dict[int, int], list[str]]:
    """How many shards the log has, events behind by shard, and why that is not known if it is not."""
    if settings.store == EMBEDDED and not folder.log.exists():
        return None, {}, [f"lag: not known, there is no log in {folder.root} (--data, or --store)"]
    try:
        with open_data(folder, settings, may_write=False) as opened, closing(opened.view_store()) as views:
            status = status_of(opened.journal, views)
            return opened.journal.shards, lag_by_shard(status.heads, status.as_of), []
    except (CommandError, ProjectionsError, JournalError, PrivacyError, CassandraError, sqlite3.Error) as error:
        return None, {}, [f"lag: not known, the store does not say: {error}"]
