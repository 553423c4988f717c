"""Signals: the first asks to stop in order, the next one to hurry."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest
from kinelog.service.running import StopAsked


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
async def test_the_first_signal_asks_to_stop_and_the_second_to_hurry(first: int, second: int) -> None:
    loop = asyncio.get_running_loop()
    asked = StopAsked(loop)
    try:
        os.kill(os.getpid(), first)
        async with asyncio.timeout(30):
            await asked.stop.wait()
        assert not asked.hurry.is_set()
        os.kill(os.getpid(), second)
        async with asyncio.timeout(30):
            await asked.hurry.wait()
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        loop.remove_signal_handler(signal.SIGINT)
