"""The port behind announcer and sender: how far they came. `tests/webhooks/progress_contract.py` judges adapters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from kinelog.webhooks.errors import ProgressUnavailableError
from kinelog.webhooks.progress import Progress


class ProgressStore(ABC):
    """How far each tenant was told, of one log. Thread-safe; several processes may use one. Everything blocks.

    What is kept belongs to one incarnation of the log: in a restored or copied one the same sequence numbers may name
    other events, so that everything is told again, under the same ids where it is the same.
    """

    @abstractmethod
    def announced(self) -> int:
        """Position in the model store's feed up to which everything was announced; 0 at first."""

    @abstractmethod
    def save_announced(self, position: int) -> None:
        """Remember a position; never one behind which something may be missing."""

    @abstractmethod
    def add(self, tenant: str) -> None:
        """Make a tenant known; durable before it returns. Changes nothing where there is one."""

    @abstractmethod
    def tenants(self) -> list[str]:
        """Every tenant that was added."""

    @abstractmethod
    def progress(self, tenant: str) -> Progress | None:
        """Where a tenant stands."""

    @abstractmethod
    def save(self, progress: Progress) -> Progress | None:
        """Store it, if nobody has since it was read; as it is stored now, or None where somebody was faster."""

    @abstractmethod
    def close(self) -> None:
        """Let go of it."""


_DECODER = msgspec.json.Decoder(Progress)


def progress_of(document: bytes) -> Progress:
    """What an adapter kept of a tenant.

    Raises:
        ProgressUnavailableError: It is damaged.
    """
    try:
        return _DECODER.decode(document)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ProgressUnavailableError(f"how far webhooks came is damaged: {error}") from error


@contextmanager
def told_as_unavailable(errors: type[Exception]) -> Iterator[None]:
    """Turn what an adapter's own store says into `ProgressUnavailableError`."""
    try:
        yield
    except errors as error:
        raise ProgressUnavailableError(f"how far webhooks came cannot be read or written: {error}") from error
