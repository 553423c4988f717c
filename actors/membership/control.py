"""What operators do to a group without being a member of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from kinelog.actors.membership.port import View


class ClusterControl(ABC):
    """A group as an operator sees it; a method raises a `MembershipError` where the coordinator is away, or refuses."""

    @abstractmethod
    def view(self) -> View:
        """Who takes part now, and what is pinned; `joined` says nothing here."""

    @abstractmethod
    def view_of(self, group: str) -> View:
        """As `view`, of another group of the same coordinator: empty where nobody ever was in it."""

    @abstractmethod
    def drained(self) -> frozenset[str]:
        """Names of the nodes that operators drained, there or not."""

    @abstractmethod
    def drain(self, name: str) -> None:
        """Have a node own nothing, until this is undone; restarts of the node change nothing about it."""

    @abstractmethod
    def undrain(self, name: str) -> None:
        """Let it own shards again. Nothing, where it was not drained."""

    @abstractmethod
    def pin(self, shard: int, name: str) -> None:
        """Have a node own a shard while it is there and not draining."""

    @abstractmethod
    def unpin(self, shard: int) -> None:
        """Leave the shard to placement again. Nothing, where it was not pinned."""

    @abstractmethod
    def close(self) -> None:
        """End the connection."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
