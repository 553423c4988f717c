"""A child process that is started again when it dies, with a pause that grows while it keeps dying."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence

from kinelog.service.parent_watch import VARIABLE

logger = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
HEALTHY_AFTER_S = 30.0


class ChildProcess:
    """`python -m kinelog.service …`, supervised from an event loop."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        variables: Mapping[str, str] | None = None,
        *,
        pause_s: float = FIRST_PAUSE_S,
    ) -> None:
        """Remember the command line; nothing runs yet. Secrets go into `variables`: a command line is public.

        Args:
            name: For the log.
            arguments: Behind `kinelog`.
            variables: More of its environment.
            pause_s: How long it stays away when it died for the first time.
        """
        self._pause_s = pause_s
        self.name = name
        self._arguments = arguments
        self._variables = dict(variables or {})
        self._task: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()

    def start(self) -> None:
        """Start the child and keep it running until `stop`."""
        self._task = asyncio.get_running_loop().create_task(self._supervise(), name=f"supervise-{self.name}")

    async def _supervise(self) -> None:
        pause = self._pause_s
        while not self._stopping.is_set():
            started = time.monotonic()
            self._process = await self._launch()
            code = await self._process.wait()
            self._ended(code)
            if self._stopping.is_set():
                return
            if time.monotonic() - started > HEALTHY_AFTER_S:
                pause = self._pause_s
            logger.error("%s ended with code %d; started again in %.1f s", self.name, code, pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    async def _launch(self) -> asyncio.subprocess.Process:
        """Start it once."""
        return await self._execute(self._variables)

    def _ended(self, code: int) -> None:
        """Hear that it ended, whether that was asked for or not."""

    async def _execute(
        self, variables: Mapping[str, str], *, stdout: int = asyncio.subprocess.DEVNULL, descriptors: Sequence[int] = ()
    ) -> asyncio.subprocess.Process:
        # A session of its own: Ctrl-C reaches the parent only, which stops its children in order. The pipe, which
        # nobody writes to, tells the child when the parent is gone.
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "kinelog.service"),
            *self._arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=stdout,
            env={**os.environ, VARIABLE: "1", **variables},
            pass_fds=descriptors,
            start_new_session=True,
        )

    def kill(self) -> None:
        """End it at once; it is started again."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    def hurry(self) -> None:
        """Ask a child that was asked to end already to lose no more time."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)

    async def stop(self, timeout_s: float) -> None:
        """Ask the child to end, and end it if it does not within `timeout_s`."""
        self._stopping.set()
        process = self._process
        if process is not None and process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(timeout_s):
                    await process.wait()
            except TimeoutError:
                logger.warning("%s did not end in %.1f s; killed", self.name, timeout_s)
                process.kill()
                await process.wait()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
