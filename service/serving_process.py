"""A child that serves: it inherits a channel to the group that we coordinate, and says when it listens."""

from __future__ import annotations

import asyncio
import signal
from functools import cached_property

from kinelog.service.errors import UnavailableServiceError
from kinelog.service.invited_process import InvitedProcess
from typing_extensions import override

LISTENING = b"listening on "


class ServingProcess(InvitedProcess):
    """`kinelog serve` as one of several."""

    _reading: asyncio.Task[None] | None = None

    @cached_property
    def _first(self) -> asyncio.Future[None]:
        """Done when it listens for the first time, or has ended before it did."""
        return asyncio.get_running_loop().create_future()

    async def listening(self) -> None:
        """Wait until it answers requests for the first time.

        Raises:
            UnavailableServiceError: It ended instead; it said itself why.
        """
        await self._first

    @override
    async def _launch(self) -> asyncio.subprocess.Process:
        process = await self._launched(asyncio.subprocess.PIPE)
        self._reading = asyncio.get_running_loop().create_task(self._read(process), name=f"read-{self.name}")
        return process

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        if process.stdout is None:
            raise RuntimeError("a child's standard output is a pipe")
        # To its end, or the child would block when the pipe is full.
        async for line in process.stdout:
            if line.startswith(LISTENING) and not self._first.done():
                self._first.set_result(None)

    @override
    def _ended(self, code: int) -> None:
        if not self._first.done():
            how = f"code {code}" if code >= 0 else signal.Signals(-code).name
            self._first.set_exception(UnavailableServiceError(f"node {self.name} ended with {how} before it served"))
            # Who waits for another child first may never look at this one.
            self._first.exception()
