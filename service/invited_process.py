"""A child that inherits a channel to the group that we coordinate."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext

from kinelog.service.child_process import ChildProcess
from typing_extensions import override


class InvitedProcess(ChildProcess):
    """A child that is given a new channel each time that it is started."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        variables: Mapping[str, str],
        invited: Callable[[], tuple[socket.socket | None, Mapping[str, str]]],
    ) -> None:
        """Remember how to start it.

        Args:
            name: Of the child.
            arguments: Of the command line.
            variables: For every start.
            invited: Makes a channel for one start: the child's end, if there is one, and what its environment says.
        """
        super().__init__(name, arguments, variables)
        self._invited = invited

    @override
    async def _launch(self) -> asyncio.subprocess.Process:
        return await self._launched(asyncio.subprocess.DEVNULL)

    async def _launched(self, stdout: int) -> asyncio.subprocess.Process:
        end, about = self._invited()
        with end or nullcontext():
            descriptors = [] if end is None else [end.fileno()]
            return await self._execute({**self._variables, **about}, stdout=stdout, descriptors=descriptors)
