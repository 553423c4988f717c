"""The whole service on a cluster: what `kinelog model publish` brings out is served and told, over a kill."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from kinelog.cassandra_session.address import CassandraAddress
from kinelog.registry.manifest import draft_bytes

from tests.cassandra.cql import CqlSession
from tests.cassandra.shared_node import SharedNode
from tests.registry.made_publications import blob_of, draft
from tests.system.asking import Asking
from tests.system.running_service import RunningService, kinelog
from tests.system.webhooks_asked import ALLOWED, set_webhook
from tests.webhooks.receiver import receiving

pytestmark = [pytest.mark.cassandra, pytest.mark.timeout(600)]

TENANT = "iron-works"
SCOPE = f"{TENANT}/all/left-wrist"


@dataclass(frozen=True)
class Deployment:
    """A tenant on a cluster."""

    data: Path
    store: str
    token: str

    def publish(self, seed: int) -> None:
        """As the fit, or a person, does."""
        blob, words = self.data / "model.bin", self.data / "draft.json"
        blob.write_bytes(blob_of(seed))
        words.write_bytes(draft_bytes(draft()))
        command = ["model", "publish", SCOPE, "--blob", str(blob), "--draft", str(words)]
        done = kinelog(*command, "--data", str(self.data), "--store", self.store)
        assert done.returncode == 0, done.stderr

    async def started(self) -> RunningService:
        """The service, without what folds views."""
        arguments = ("--no-projections", "--store", self.store)
        return await asyncio.to_thread(RunningService, self.data, arguments, ALLOWED)


@pytest.fixture
def deployment(cassandra_node: SharedNode, cassandra_session: CqlSession, tmp_path: Path) -> Iterator[Deployment]:
    prefix = f"t_told_{secrets.token_hex(4)}"
    store = str(CassandraAddress((cassandra_node.address.host,), cassandra_node.address.port, prefix))
    where = ("--data", str(tmp_path), "--store", store)
    printed = ""
    for command in (
        ("schema", "apply", "--store", store),
        ("tenant", "create", TENANT, *where),
        ("token", "create", "--tenant", TENANT, "--role", "owner", *where),
    ):
        done = kinelog(*command)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        printed = done.stdout
    yield Deployment(tmp_path, store, next(word for word in printed.split() if word.startswith("kl.")))
    cassandra_session.drop_keyspaces(prefix)


async def test_a_publication_on_a_cluster_is_served_and_told_although_the_service_is_killed(
    deployment: Deployment,
) -> None:
    async with receiving() as receiver:
        service = await deployment.started()
        try:
            await asyncio.to_thread(set_webhook, service, deployment.token, receiver.url)
            await asyncio.to_thread(deployment.publish, 1)
            await receiver.until_taken(1, 60.0)
            service.kill()
            await asyncio.to_thread(deployment.publish, 2)
            service = await deployment.started()
            await receiver.until_taken(2, 60.0)
            data = receiver.messages[-1].body["data"]
            served = await asyncio.to_thread(Asking(service.url, deployment.token).get, data["manifest"])
            assert (served.status, served.json["version"], data["version"]) == (200, 2, 2)
            blob = await asyncio.to_thread(
                Asking(service.url, deployment.token).get, f"/v1/blobs/sha256:{data['blob_sha256']}"
            )
            assert blob.body == blob_of(2)
        finally:
            service.kill()
        # Killed between the answer and the note of it, it tells the same once more: at least once, and in order.
        assert list(dict.fromkeys(receiver.taken)) == [1, 2]
        assert all(message.signed for message in receiver.messages)
