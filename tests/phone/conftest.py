"""A service for what runs outside an event loop, or brings its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from tests.phone.fake_service import FakeService, serving


@pytest.fixture
def service() -> Iterator[FakeService]:
    """A service in a thread of its own."""
    fake, loop, ready = FakeService(), asyncio.new_event_loop(), threading.Event()
    stop = asyncio.Event()

    async def serve() -> None:
        async with serving(fake):
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(60)
    yield fake
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.close()
