"""Commands against a data folder that no service has open: the same actors, for a moment."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager

from kinelog.actors.answers import Accepted, Answer, Erased, Refused, Unavailable
from kinelog.actors.region import Region
from kinelog.domain.commands import Command
from kinelog.domain.identifiers import Person
from kinelog.service.configuration import DataFolder, Settings
from kinelog.service.errors import RefusedError, TryAgainError
from kinelog.service.folder_lock import FolderLock
from kinelog.service.opened_data import OpenedData, open_data
from kinelog.service.own_region import make_region

ANSWER_TIMEOUT_S = 30.0


class Offline:
    """Decides commands in this process while nobody else does."""

    def __init__(self, opened: OpenedData, region: Region) -> None:
        """Use an opened folder and a started region."""
        self.opened = opened
        self._region = region

    def ask(self, person: Person, command: Command) -> Accepted:
        """Submit a command and wait for its commit.

        Raises:
            RefusedError: The domain refused it.
            TryAgainError: The store did not take it.
        """
        answers: queue.Queue[Answer] = queue.Queue()
        self._region.submit(person, command, answers.put)
        try:
            answer = answers.get(timeout=ANSWER_TIMEOUT_S)
        except queue.Empty:
            raise TryAgainError("the shard does not answer") from None
        match answer:
            case Accepted():
                return answer
            case Refused(rejection):
                raise RefusedError(f"{rejection.code}: {rejection.detail}")
            case Erased():
                raise RefusedError("user-erased: this person was erased")
            case Unavailable(reason):
                raise TryAgainError(f"nothing was stored: {reason}")


@contextmanager
def offline(folder: DataFolder, settings: Settings) -> Iterator[Offline]:
    """Open a data folder for commands, alone.

    Raises:
        TryAgainError: A service has it open.
    """
    folder.create()
    with FolderLock(folder.lock), open_data(folder, settings) as opened:
        region = make_region(opened, settings)
        region.start()
        try:
            yield Offline(opened, region)
        finally:
            region.stop()
