"""Looking at a group of nodes, once or again and again: what ZooKeeper, the nodes and the store say, put together."""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack, closing
from types import TracebackType
from typing import Self

from kinelog.cassandra_session.errors import CassandraError
from kinelog.journal.errors import JournalError
from kinelog.journal.port import Journal
from kinelog.privacy.errors import PrivacyError
from kinelog.projections.errors import ProjectionsError
from kinelog.projections.lag import lag_by_shard
from kinelog.projections.status import status_of
from kinelog.projections.view_store import ViewStore
from kinelog.service.configuration import EMBEDDED, DataFolder, Settings
from kinelog.service.errors import CommandError, UnavailableServiceError
from kinelog.service.group_control import asked, group_control
from kinelog.service.group_joining import PROJECTIONS, READERS
from kinelog.service.group_report import Announced, GroupReport, report_of
from kinelog.service.opened_data import open_data

_STORE_IS_SILENT = (CommandError, ProjectionsError, JournalError, PrivacyError, CassandraError, sqlite3.Error)


class GroupLook:
    """Looks when it is asked to. The store stays open between looks, since opening a cluster's takes a second."""

    def __init__(self, folder: DataFolder, settings: Settings) -> None:
        """Nothing is asked yet."""
        self._folder = folder
        self._settings = settings
        self._opened = ExitStack()
        self._store: tuple[Journal, ViewStore] | None = None

    def report(self) -> GroupReport:
        """What there is to be said now.

        Raises:
            UnavailableServiceError: ZooKeeper does not answer, or refuses.
            ConfigurationError: What it needs is not installed, or a name or certificate is none.
        """
        with group_control(self._settings) as control:
            announced = Announced(
                nodes=control.view(), drained=control.drained(), sharing=control.view_of(PROJECTIONS),
                reading=control.view_of(READERS),
            )  # fmt: skip
        shards, lag, notes = self._lag()
        return report_of(announced, asked(self._settings, announced.nodes.members), shards, lag, notes)

    def report_or_why_not(self) -> GroupReport:
        """As `report`, for who looks again in a moment: a ZooKeeper that is away is a note.

        Raises:
            ConfigurationError: As `report`.
        """
        try:
            return self.report()
        except UnavailableServiceError as error:
            return GroupReport(nodes=(), shards=(), workers=(), drained=(), notes=(f"not known: {error.message}",))

    def _lag(self) -> tuple[int | None, dict[int, int], list[str]]:
        """How many shards the log has, events behind by shard, and why that is not known if it is not."""
        if self._settings.store == EMBEDDED and not self._folder.log.exists():
            return None, {}, [f"lag: not known, there is no log in {self._folder.root} (--data, or --store)"]
        try:
            journal, views = self._stores()
            status = status_of(journal, views)
            return journal.shards, lag_by_shard(status.heads, status.as_of), []
        except _STORE_IS_SILENT as error:
            self._close()  # opened anew with the next look
            return None, {}, [f"lag: not known, the store does not say: {error}"]

    def _stores(self) -> tuple[Journal, ViewStore]:
        if self._store is None:
            opened = self._opened.enter_context(open_data(self._folder, self._settings, may_write=False))
            self._store = opened.journal, self._opened.enter_context(closing(opened.view_store()))
        return self._store

    def _close(self) -> None:
        self._store = None
        self._opened.close()

    def __enter__(self) -> Self:
        """Nothing is asked yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the store."""
        self._close()
