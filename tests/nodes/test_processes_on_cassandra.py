"""Several processes of one machine on a cluster: the same as on a data folder, and the log is not in that folder."""

from __future__ import annotations

import secrets
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from kinelog.cassandra_session.address import CassandraAddress
from kinelog.service.configuration import DataFolder, load_settings
from kinelog.service.opened_data import open_data

from tests.cassandra.cql import CqlSession
from tests.cassandra.shared_node import SharedNode
from tests.nodes.processes_started import StartedProcesses
from tests.nodes.steady_phone import SteadyPhone
from tests.nodes.test_processes import PHONES, gone, wait_for_more
from tests.system.guests import open_gym
from tests.system.running_service import kinelog

pytestmark = [pytest.mark.cassandra, pytest.mark.timeout(300)]

TENANT = "iron-works"
SHARDS = 8


@pytest.fixture
def deployment(
    cassandra_node: SharedNode, cassandra_session: CqlSession, tmp_path: Path
) -> Iterator[tuple[Path, str, str]]:
    """A folder, the address of its store, an owner's token."""
    prefix = f"t_processes_{secrets.token_hex(4)}"
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
    yield tmp_path, store, next(word for word in printed.split() if word.startswith("kl."))
    cassandra_session.drop_keyspaces(prefix)


def frames_stored(data: Path, store: str) -> Counter[str]:
    """How many frames each session has in the log."""
    counts: Counter[str] = Counter()
    with open_data(DataFolder(data), load_settings(data, {}, store=store), may_write=False) as opened:
        for shard in range(opened.journal.shards):
            after = 0
            while batch := opened.journal.read(shard, after, 1_000):
                after = batch[-1].position
                counts.update(
                    item.event.entity.rsplit("/", 1)[1] for item in batch if item.event.type == "FrameRecorded"
                )
    return counts


def test_a_child_is_killed_and_all_are_stopped_without_anything_lost_or_doubled(
    deployment: tuple[Path, str, str],
) -> None:
    data, store, token = deployment
    with StartedProcesses(data, token, "--store", store, shards=SHARDS) as group, ExitStack() as stack:
        open_gym(group.owner)
        group.wait_until_shared()
        phones = [
            stack.enter_context(SteadyPhone(group.owner, f"far-{seed}", seed, [group.url])) for seed in range(PHONES)
        ]
        wait_for_more(phones)
        group.children()["gym-2"].send_signal(signal.SIGKILL)
        wait_for_more(phones)
        group.wait_until_shared()
        everybody = group.everybody()
        assert group.terminate(timeout_s=60) == 0, group.log
        gone(everybody)
    stored = frames_stored(data, store)
    assert {phone.session: len(phone.acknowledged) for phone in phones} == stored
