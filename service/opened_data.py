"""A deployment's data, opened: its journal, its keys, what seals events with them, and where its views are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from threading import Event
from types import TracebackType
from typing import ClassVar, Protocol, Self

from kinelog.journal.event_codec import EventCodec
from kinelog.journal.port import Journal
from kinelog.privacy.key_store import KeyStore
from kinelog.projections.read_side import ReadSide
from kinelog.projections.view_store import ViewStore
from kinelog.registry.store import ModelStore
from kinelog.service.configuration import EMBEDDED, DataFolder, Settings
from kinelog.webhooks.progress_store import ProgressStore


class FollowsShards(Protocol):
    """Works through what comes into some shards."""

    def follow(self, shards: Sequence[int]) -> None:
        """Follow these from now on. From any thread."""
        ...

    def run(self, stop: Event) -> None:
        """Work until `stop` is set."""
        ...


class OpenedData(ABC):
    """Journal, keys and codec of one deployment, whatever store they are in.

    Attributes:
        trouble: What the store raises when it does not answer.
    """

    folder: DataFolder
    journal: Journal
    keys: KeyStore
    codec: EventCodec
    trouble: ClassVar[tuple[type[Exception], ...]]

    @abstractmethod
    def view_store(self) -> ViewStore:
        """The views, for who folds; the caller closes it."""

    @abstractmethod
    def read_side(self) -> ReadSide:
        """The views, for who asks; the caller closes it."""

    @abstractmethod
    def model_store(self) -> ModelStore:
        """Published models; the caller closes it."""

    @abstractmethod
    def progress_store(self) -> ProgressStore:
        """How far webhooks came; the caller closes it."""

    def cursor_key(self) -> bytes:
        """What cursors and cookies are sealed with; the same in every process of the deployment."""
        return self.keys.cursor_key

    @abstractmethod
    def index(self, shards: Sequence[int]) -> FollowsShards | None:
        """What keeps the index of entities, for one thread; None where the store does that as it writes."""

    @abstractmethod
    def close(self) -> None:
        """Close the journal first: its last commits may still need nothing of the keys, but readers do."""

    def __enter__(self) -> Self:
        """Already open."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()


def open_data(folder: DataFolder, settings: Settings, *, may_write: bool = True) -> OpenedData:
    """Open the store that the settings name, making what an embedded one lacks.

    Args:
        folder: Holds the embedded store; with a cluster only what belongs to this machine.
        settings: Which store.
        may_write: Whether this process may write to log and keys; projection workers do not need to.

    Raises:
        ConfigurationError: The master key is missing or wrong, or the address is.
        UnavailableServiceError: Keys or log cannot be opened: damaged, unreachable, or made otherwise than is asked.
    """
    if settings.store == EMBEDDED:
        from kinelog.service.embedded_data import EmbeddedData

        return EmbeddedData(folder, settings)
    # Late: the driver is an extra, and takes a third of a second to import.
    from kinelog.service.cluster_data import ClusterData

    return ClusterData(folder, settings, may_write=may_write)
