"""Every publication of the model store is announced on its tenant's stream, once, whatever dies on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import pytest
from kinelog.domain.events import ModelPublished
from kinelog.domain.identifiers import TENANT_PERSON, Person
from kinelog.registry.records import Published
from kinelog.registry.scope import Scope
from kinelog.webhooks.announcer import Announcer
from kinelog.webhooks.errors import WebhooksError

from tests.registry.made_publications import put
from tests.webhooks.receiver import receiving
from tests.webhooks.world import ACME, Durable, Running, durable, process

P = ParamSpec("P")
R = TypeVar("R")

WRIST = Scope(ACME, "all", ("left-wrist",))
BOTH = Scope(ACME, "f-30s", ("left-wrist", "chest"))


def publish(left: Durable, scope: Scope, versions: int) -> None:
    """Publish this many versions of a scope."""
    before: Published | None = None
    for seed in range(versions):
        before = put(left.models, scope, seed, after=before)


def announced(left: Durable, tenant: str = ACME) -> list[tuple[int, str, int]]:
    """Number, cluster and version of what the tenant's stream tells."""
    events = []
    for positioned in left.journal.replay(Person(tenant, TENANT_PERSON).persistence_id):
        event = left.codec.open(positioned.event)
        if isinstance(event, ModelPublished):
            events.append((event.number, event.cluster, event.version))
    return events


async def until_announced(left: Durable, count: int) -> None:
    async with asyncio.timeout(30):
        while len(announced(left)) < count:  # noqa: ASYNC110 - another thread writes the log
            await asyncio.sleep(0.005)


async def test_what_is_published_is_announced_in_order_and_told(tmp_path: Path) -> None:
    with durable(tmp_path) as left:
        async with receiving() as receiver, process(left) as running:
            await running.create()
            await running.hook(receiver.url)
            publish(left, WRIST, 2)
            publish(left, BOTH, 1)
            await receiver.until(3)
            assert announced(left) == [(1, "all", 1), (2, "all", 2), (3, "f-30s", 1)]
            told = receiver.messages[2].body["data"]
            champion = left.models.champion(BOTH)
            assert champion is not None
            assert (told["manifest"], told["blob_sha256"]) == ("/v1/models/f-30s/left-wrist+chest", champion.blob)
            known = (await running.tenant()).models.get("f-30s/left-wrist+chest")
            assert known is not None
            assert known.manifest == told["manifest_sha256"]


async def test_what_was_published_while_nothing_ran_is_announced_at_the_next_start(tmp_path: Path) -> None:
    with durable(tmp_path) as left:
        async with process(left) as running:
            await running.create()
        publish(left, WRIST, 3)
        async with process(left):
            await until_announced(left, 3)
        publish(left, BOTH, 1)
        async with process(left):
            await until_announced(left, 4)
            assert [number for number, _, _ in announced(left)] == [1, 2, 3, 4]


async def test_several_announcers_announce_each_publication_once(tmp_path: Path) -> None:
    with durable(tmp_path) as left:
        async with process(left) as running:
            await running.create()
            publish(left, WRIST, 5)
            first, second = (announcer(running) for _ in range(2))
            await asyncio.gather(first.step(), second.step(), first.step(), second.step())
            await until_announced(left, 5)
            assert announced(left) == [(version, "all", version) for version in range(1, 6)]


async def test_a_tenant_that_nobody_made_holds_up_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with durable(tmp_path) as left:
        async with process(left) as running:
            await running.create()
            publish(left, Scope("nobody", "all", ("waist",)), 1)
            publish(left, WRIST, 1)
            await running.until(lambda _progress: True)
            assert announced(left) == [(1, "all", 1)]
            assert running.progress.tenants() == [ACME]
    assert "nobody/all/waist version 1 cannot be announced" in caplog.text


class DiedError(Exception):
    """The process is gone."""


class Mortal:
    """Runs what blocks, until it has done it so often: then it dies, before or after it was done."""

    def __init__(self, lives: int, *, after: bool) -> None:
        self.lives = lives
        self.after = after

    async def __call__(self, ask: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        self.lives -= 1
        if self.lives < 0 and not self.after:
            raise DiedError
        answer = ask(*args, **kwargs)
        if self.lives < 0:
            raise DiedError
        return answer


def announcer(running: Running, blocking: Mortal | None = None) -> Announcer:
    """An announcer beside the process's own."""
    left = running.durable
    return Announcer(
        left.models, running.region, running.progress, blocking or Mortal(10_000, after=False), left.clock,
        running.telling.webhook_set,
    )  # fmt: skip


@pytest.mark.parametrize("after", [False, True])
async def test_an_announcer_that_dies_at_any_step_leaves_nothing_out(tmp_path: Path, *, after: bool) -> None:
    with durable(tmp_path) as left:
        async with process(left, tells=False) as running:
            await running.create()
            publish(left, WRIST, 2)
            publish(left, BOTH, 1)
            died = 0
            for lives in range(20):
                try:
                    while await announcer(running, Mortal(lives, after=after)).step():
                        pass
                except DiedError:
                    died += 1
            assert died >= 5
            assert announced(left) == [(1, "all", 1), (2, "all", 2), (3, "f-30s", 1)]
            assert running.progress.announced() == 3
            assert running.progress.tenants() == [ACME], "whoever sends learns of each tenant"


async def test_a_shard_that_does_not_answer_is_asked_again(tmp_path: Path) -> None:
    with durable(tmp_path) as left:
        async with process(left, tells=False) as running:
            await running.create()
            publish(left, WRIST, 1)
            running.region.stop(1.0)
            with pytest.raises(WebhooksError):
                await announcer(running).step()
            assert running.progress.announced() == 0
        async with process(left):
            await until_announced(left, 1)
