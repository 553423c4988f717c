"""The whole service, killed while a tenant's server fails and hangs: everything published arrives, in order."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.system.running_service import RunningService, prepare
from tests.system.webhooks_asked import ALLOWED, publish, set_webhook
from tests.webhooks.receiver import HANG, SECRET, Receiver, receiving

pytestmark = pytest.mark.system


@pytest.mark.timeout(180)
async def test_what_was_published_arrives_in_order_although_the_service_is_killed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    token = await asyncio.to_thread(prepare, data)
    async with receiving() as receiver:
        receiver.script.extend([204, HANG])
        service = await started(data)
        try:
            await asyncio.to_thread(set_webhook, service, token, receiver.url)
            newest = await asyncio.to_thread(publish, data, range(3), None)
            await receiver.until(2, 30.0)
            service.kill()  # in the middle of an attempt
            newest = await asyncio.to_thread(publish, data, range(3, 5), newest)
            service = await started(data)
            await again(service, token, receiver, 1)
            await receiver.until_taken(5, 60.0)
            await asyncio.to_thread(publish, data, range(5, 7), newest)
            service.kill()  # perhaps before anything of it was announced
            service = await started(data)
            await again(service, token, receiver, 2)
            await receiver.until_taken(7, 60.0)
        finally:
            service.kill()
        firsts = list(dict.fromkeys(receiver.taken))
        assert firsts == [1, 2, 3, 4, 5, 6, 7]
        assert all(message.signed for message in receiver.messages)
        assert SECRET not in service.log
        assert receiver.url not in service.log


async def started(data: Path) -> RunningService:
    """The service, without what folds views."""
    return await asyncio.to_thread(RunningService, data, ("--no-projections",), ALLOWED)


async def again(service: RunningService, token: str, receiver: Receiver, number: int) -> None:
    """Have it tried at once, not when the attempt that was killed would have been over."""
    await asyncio.to_thread(set_webhook, service, token, f"{receiver.url}?again={number}")
