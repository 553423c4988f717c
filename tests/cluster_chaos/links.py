"""Connections between the parts of a cluster, led through relays that can be cut, silenced and slowed.

A part listens at one address and is known by another, where a relay listens for it. Who connects is told by the
loopback address it connects from (`interpreter/sitecustomize.py` sees to that), so that each pair has a link of its own
and the others never notice. Harm to a link holds for both directions, for connections that are and that come.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, TypeVar

PIECE_BYTES = 1 << 16
STOP_S = 10.0

T = TypeVar("T")
Place = tuple[str, int]
"""Host and port."""


@dataclass
class _Link:
    """What holds for everything between two parts.

    Attributes:
        cut: Connections end at once, and no new one begins.
        passing: Set while bytes pass; else they are kept, and go on where they were.
        delay_s: What each piece waits.
        carried: Bytes so far.
        open: Transports of both ends of each connection.
    """

    cut: bool = False
    passing: asyncio.Event = field(default_factory=asyncio.Event)
    delay_s: float = 0.0
    carried: int = 0
    open: set[asyncio.StreamWriter] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.passing.set()


class Links:
    """All relays of a cluster, on a thread of their own; a context manager."""

    def __init__(self) -> None:
        """Nothing is relayed yet."""
        self._names: dict[str, str] = {}
        self._links: dict[frozenset[str], _Link] = {}
        self._servers: list[asyncio.Server] = []
        self._connections: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="links", daemon=True)
        self._thread.start()

    def know(self, host: str, name: str) -> None:
        """Say who connects from an address; whoever is not known is nobody's link to harm."""
        self._names[host] = name

    def relay(self, name: str, at: Place, to: Place) -> None:
        """Listen for a part, and pass on to where it listens itself.

        Raises:
            OSError: The address is taken.
        """
        self._do(self._listen(name, at, to))

    def cut(self, one: str, other: str) -> None:
        """End all connections between two parts, and let none begin."""
        self._do(self._cut(one, other))

    def silence(self, one: str, other: str) -> None:
        """Let no byte through and say nothing: what is sent meanwhile arrives after `heal`."""
        self._do(self._change(one, other, silent=True, delay_s=0.0))

    def slow(self, one: str, other: str, delay_s: float) -> None:
        """Let each piece of up to 64 KiB wait, one after the other."""
        self._do(self._change(one, other, silent=False, delay_s=delay_s))

    def heal(self, one: str, other: str) -> None:
        """Undo all of that."""
        self._do(self._heal([frozenset((one, other))]))

    def heal_all(self) -> None:
        """Undo all harm there is."""
        self._do(self._heal(list(self._links)))

    def carried(self, one: str, other: str) -> int:
        """How many bytes passed between two parts."""
        link = self._links.get(frozenset((one, other)))
        return 0 if link is None else link.carried

    def close(self) -> None:
        """Stop listening and end every connection."""
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_S)
        self._loop.close()

    def __enter__(self) -> Self:
        """Already running."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _do(self, work: Coroutine[None, None, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(STOP_S)

    def _between(self, one: str, other: str) -> _Link:
        return self._links.setdefault(frozenset((one, other)), _Link())

    async def _listen(self, name: str, at: Place, to: Place) -> None:
        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = self._loop.create_task(self._carry(name, to, reader, writer))
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)

        self._servers.append(await asyncio.start_server(connected, *at))

    async def _cut(self, one: str, other: str) -> None:
        link = self._between(one, other)
        link.cut = True
        link.passing.set()  # what waits there is not to wait for ever
        for writer in link.open:
            writer.transport.abort()

    async def _change(self, one: str, other: str, *, silent: bool, delay_s: float) -> None:
        link = self._between(one, other)
        link.delay_s = delay_s
        if silent:
            link.passing.clear()

    async def _heal(self, pairs: list[frozenset[str]]) -> None:
        for pair in pairs:
            link = self._links.setdefault(pair, _Link())
            link.cut, link.delay_s = False, 0.0
            link.passing.set()

    async def _end(self) -> None:
        for server in self._servers:
            server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _carry(self, name: str, to: Place, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host = writer.get_extra_info("peername")[0]
        link = self._between(self._names.get(host, host), name)
        if link.cut:
            writer.transport.abort()
            return
        onward: asyncio.StreamWriter | None = None
        link.open.add(writer)
        try:
            await link.passing.wait()
            back, onward = await asyncio.open_connection(*to)
            link.open.add(onward)
            if not link.cut:
                await asyncio.gather(_pass_on(link, reader, onward), _pass_on(link, back, writer))
        except OSError:
            return  # one of the two is gone, and the other is to notice
        finally:
            for end in (writer, onward):
                if end is not None:
                    link.open.discard(end)
                    end.transport.abort()


async def _pass_on(link: _Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(PIECE_BYTES):
        if link.delay_s:
            await asyncio.sleep(link.delay_s)
        await link.passing.wait()
        link.carried += len(piece)
        writer.write(piece)
        await writer.drain()
    await link.passing.wait()
    if writer.can_write_eof() and not writer.transport.is_closing():
        writer.write_eof()
