"""Every message arrives, in order, signed, at least once: whatever receivers do and whenever a process dies."""

from __future__ import annotations

import asyncio
import logging
import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from kinelog.webhooks.endpoint import EndpointRules
from kinelog.webhooks.outbox import Outbox, Owed
from kinelog.webhooks.progress import ATTEMPT_MS, Progress

from tests.webhooks.receiver import ENDLESS, HANG, SECRET, receiving
from tests.webhooks.world import ACME, Running, durable, process


def contents(folder: Path) -> list[tuple[str, bytes]]:
    """Every file below a folder."""
    return [(file.name, file.read_bytes()) for file in folder.rglob("*") if file.is_file()]


async def caught_up(running: Running, number: int) -> None:
    """Until so many messages were taken."""
    await running.until(lambda progress: progress.delivered == number)


def refused_after(attempts: int) -> Callable[[Progress], bool]:
    """Whether this many attempts are over, all in vain."""
    return lambda progress: (
        progress.attempts == attempts and progress.due_at_ms - (progress.tried_at_ms or 0) < ATTEMPT_MS
    )


async def test_what_is_published_is_told_signed_and_in_order(tmp_path: Path) -> None:
    with durable(tmp_path) as left:
        async with receiving() as receiver, process(left) as running:
            await running.create()
            await running.announce(1)
            await running.hook(receiver.url)
            for version in (2, 3, 4):
                await running.announce(version)
            await caught_up(running, 3)
            assert receiver.taken == [2, 3, 4], "what was published before the webhook was set is not owed"
            assert all(message.signed for message in receiver.messages)
            first = receiver.messages[0]
            assert first.body["type"] == "model.published"
            assert first.body["tenant"] == ACME
            assert first.body["data"] == {
                "cluster": "all", "sensors": ["left-wrist"], "version": 2, "manifest": "/v1/models/all/left-wrist",
                "manifest_sha256": f"{2:064x}", "blob_sha256": f"{2:064x}",
                "published_at_ms": first.body["data"]["published_at_ms"],
            }  # fmt: skip
            assert first.headers["Kinelog-Event-Id"] == first.body["id"]
            assert len({message.body["id"] for message in receiver.messages}) == 3


async def test_a_server_that_fails_hangs_and_answers_500_is_told_when_it_works_again(tmp_path: Path) -> None:
    with durable(tmp_path) as left:
        async with receiving() as receiver, process(left, attempt_s=2.0) as running:
            await running.create()
            await running.hook(receiver.url.replace("/hook", "/nothing-here"))
            await running.announce(1)
            await running.announce(2)
            first = await running.until(lambda progress: progress.status == 404)
            assert (first.attempts, first.delivered, receiver.messages) == (1, 0, [])
            receiver.script.extend([HANG, 500, 302])
            await running.hook(receiver.url)  # set anew: tried at once
            hanging = await running.until(lambda progress: progress.error == "did not answer in time")
            assert (hanging.attempts, hanging.status) == (2, None)
            running.let_time_pass(2)
            await running.until(lambda progress: progress.status == 500 and progress.attempts == 3)
            running.let_time_pass(4)
            await running.until(lambda progress: progress.status == 302 and progress.attempts == 4)
            running.let_time_pass(8)
            await caught_up(running, 2)
            assert [message.number for message in receiver.messages] == [1, 1, 1, 1, 2]
            assert receiver.taken == [1, 2]
            assert len({message.body["id"] for message in receiver.messages[:4]}) == 1
            assert receiver.followed == 0, "a redirect leads to where nobody was asked to send"


async def test_nothing_is_sent_before_the_pause_is_over(tmp_path: Path) -> None:
    with durable(tmp_path) as left:
        async with receiving() as receiver, process(left) as running:
            receiver.script.extend([500] * 3)
            await running.create()
            await running.hook(receiver.url)
            await running.announce(1)
            for attempts, pause_s in ((1, 1), (2, 2), (3, 4)):
                await running.until(refused_after(attempts))
                running.let_time_pass(pause_s - 0.9)
                await running.announce(1 + attempts)  # wakes the sender: it must look, and wait
                await asyncio.sleep(0.05)
                assert len(receiver.messages) == attempts
                running.let_time_pass(0.9)
            await caught_up(running, 4)
            assert receiver.taken == [1, 2, 3, 4]


async def test_one_tenant_that_hangs_holds_up_nobody_else(tmp_path: Path) -> None:
    with durable(tmp_path) as left:
        async with receiving() as slow, receiving() as quick, process(left, attempt_s=60.0) as running:
            slow.script.append(HANG)
            for tenant, receiver in (("slow", slow), ("quick", quick)):
                await running.create(tenant)
                await running.hook(receiver.url, tenant)
                await running.announce(1, tenant)
            await slow.until(1)
            await running.announce(2, "quick")
            await quick.until_taken(2)
            assert quick.taken == [1, 2]
            assert slow.taken == []


async def test_an_answer_without_end_is_not_read(tmp_path: Path) -> None:
    with durable(tmp_path) as left:
        async with receiving() as receiver, process(left, attempt_s=5.0) as running:
            receiver.script.append(ENDLESS)
            await running.create()
            await running.hook(receiver.url)
            await running.announce(1)
            progress = await running.until(lambda progress: progress.delivered == 1)
            assert progress.status == 200


async def test_a_process_that_is_killed_at_any_moment_loses_nothing_and_keeps_the_order(tmp_path: Path) -> None:
    seed = 20
    chance = random.Random(seed)
    versions = 24
    with durable(tmp_path) as left:
        async with receiving() as receiver:
            receiver.script.extend(chance.choice([204, 204, 500, HANG]) for _ in range(40))
            async with process(left) as running:
                await running.create()
                await running.hook(receiver.url)
            told = 0
            while told < versions:
                async with process(left, attempt_s=0.05) as running:
                    for _ in range(min(3, versions - told)):
                        told += 1
                        await running.announce(told)
                    await asyncio.sleep(chance.uniform(0, 0.1))
                left.clock.ahead_ms += 40_000
            receiver.script.clear()
            async with process(left) as running:
                running.let_time_pass(3_600)
                await running.until(lambda progress: progress.attempts == 0 and progress.delivered > 0)
                await receiver.until_taken(versions)
            firsts = list(dict.fromkeys(receiver.taken))
            assert firsts == list(range(1, versions + 1)), f"seed {seed}"
            assert all(message.signed for message in receiver.messages)


async def test_of_two_processes_one_sends_each_message(tmp_path: Path) -> None:
    with durable(tmp_path) as left:
        async with receiving() as receiver, process(left) as first:
            await first.create()
            await first.hook(receiver.url)
            # As on a cluster: the shards have one owner at a time, everything else is shared.
            async with process(left, shares=first) as second:
                for version in range(1, 9):
                    await second.announce(version)
                    first.telling.webhook_set(ACME)
                await receiver.until_taken(8)
            assert receiver.taken == list(range(1, 9))


async def test_a_removed_webhook_is_told_nothing_more_and_owed_nothing(tmp_path: Path) -> None:
    with durable(tmp_path) as left:
        async with receiving() as receiver, process(left) as running:
            await running.create()
            await running.hook(receiver.url)
            await running.announce(1)
            await caught_up(running, 1)
            await running.unhook()
            await running.announce(2)
            await running.hook(receiver.url)
            await running.announce(3)
            await caught_up(running, 2)
            assert receiver.taken == [1, 3]


async def test_what_is_published_behind_a_removal_is_not_sent_by_who_began_to_look_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, removed = threading.Event(), threading.Event()
    owed = Outbox.owed

    def late(outbox: Outbox, tenant: str, sent: int, behind: int) -> Owed:
        looks.set()
        assert removed.wait(30)
        return owed(outbox, tenant, sent, behind)

    with durable(tmp_path) as left:
        async with receiving() as receiver, process(left) as running:
            await running.create()
            await running.hook(receiver.url)
            await running.announce(1)
            await caught_up(running, 1)
            monkeypatch.setattr(Outbox, "owed", late)
            running.telling.webhook_set(ACME)
            assert await asyncio.to_thread(looks.wait, 30)
            await running.unhook()
            await running.announce(2)
            removed.set()
            await running.hook(receiver.url)
            await running.announce(3)
            await caught_up(running, 2)
            assert receiver.taken == [1, 3]


async def test_a_place_that_may_not_be_called_is_not_called(tmp_path: Path) -> None:
    with durable(tmp_path) as left:
        async with receiving() as receiver, process(left, EndpointRules()) as running:
            await running.create()
            await running.hook(receiver.url)
            await running.announce(1)
            refused = await running.until(lambda progress: progress.error != "")
            assert refused.error.startswith("may not be called")
            assert receiver.messages == []
            name = receiver.url.replace("http://127.0.0.1", "https://localhost")
            await running.hook(name)
            await running.until(lambda progress: progress.error.startswith("cannot be reached"))
            assert receiver.messages == []


async def test_neither_secret_nor_url_is_ever_logged_or_kept_in_the_open(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with durable(tmp_path) as left:
        async with receiving() as receiver, process(left) as running:
            await running.create()
            receiver.script.extend([500, 204])
            await running.hook(receiver.url + "?token=tenants-own")
            await running.announce(1)
            await running.until(lambda progress: progress.status == 500)
            running.let_time_pass(2)
            await caught_up(running, 1)
            state = await running.tenant()
            assert SECRET not in repr(state)
        sender_lines = [record.getMessage() for record in caplog.records if record.name.startswith("kinelog")]
        assert any("webhook of acme" in line for line in sender_lines)
        assert not any(SECRET in line or "tenants-own" in line for line in sender_lines)
    for name, content in contents(tmp_path):
        assert SECRET.encode() not in content, name
        assert b"tenants-own" not in content, name


async def test_a_tenant_is_told_by_whose_it_is_and_by_the_next_as_soon_as_it_moved(tmp_path: Path) -> None:
    owner = {"now": "first"}
    with durable(tmp_path) as left:
        async with (
            receiving() as receiver,
            process(left, sends_to=lambda _tenant: owner["now"] == "first") as first,
            process(left, sends_to=lambda _tenant: owner["now"] == "second", shares=first) as second,
        ):
            await first.create()
            await first.hook(receiver.url)
            await first.announce(1)
            await caught_up(first, 1)
            owner["now"] = "second"
            await first.announce(2)  # wakes only the first, which is not to tell any more
            second.telling.moved()
            await caught_up(second, 2)
            first.telling.moved()
            assert receiver.taken == [1, 2]


async def test_two_that_both_announce_and_send_tell_everything_once_and_in_order(tmp_path: Path) -> None:
    with durable(tmp_path) as left:
        async with receiving() as receiver, process(left) as first, process(left, shares=first) as second:
            await first.create()
            await first.hook(receiver.url)
            for version in range(1, 9):
                await first.announce(version)
                second.telling.moved()
                second.telling.webhook_set(ACME)
            await caught_up(first, 8)
            assert receiver.taken == list(range(1, 9))
