"""Faults put into running nodes on purpose: what the judge is for, it finds in a real run too."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from kinelog.service.configuration import DataFolder, load_settings
from kinelog.service.demo_setup import set_up_demo
from kinelog.service.inspected_store import inspected
from kinelog.service.opened_data import open_data

from tests.cluster_chaos.history import Stored
from tests.cluster_chaos.judge import Evidence, judge
from tests.cluster_chaos.node_group import GroupPlan, NodeGroup
from tests.cluster_chaos.phones import Phones
from tests.cluster_chaos.places import free_places
from tests.cluster_chaos.service_node import ServiceNode
from tests.cluster_chaos.stored_log import stored_things
from tests.system.asking import eventually
from tests.system.pausing import pause_between_writes
from zookeeper_server.ensemble import ZooKeeperEnsemble

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(120)]

PHONES = 16
"""So many that some, for certain, wait for the owner that is stopped: where people live and whom they ask is chance."""
PAUSE_S = 0.02
ENOUGH = 80
SESSION_S = 1.0
PATIENCE_S = 0.5


def log_of(data: Path) -> list[Stored]:
    """What the log of a data folder holds."""
    folder, settings = DataFolder(data), load_settings(data)
    with open_data(folder, settings) as opened, inspected(folder, settings) as log:
        return stored_things(log, opened.codec)


@pytest.mark.parametrize("breaks", [None, "reply-before-commit"])
def test_an_answer_that_leaves_before_its_commit_is_found_once_the_node_is_killed(
    tmp_path: Path, breaks: str | None
) -> None:
    data = tmp_path / "data"
    token = set_up_demo(DataFolder(data), load_settings(data)).owner_token
    node = ServiceNode("node-1", data, tmp_path / "witness", "127.0.0.1", {}, ["--no-projections"])
    node.breaks = breaks
    node.start()
    try:
        phones = Phones({"node-1": node.url}, token, PHONES, seed=1, pause_s=PAUSE_S)
        eventually(lambda: phones.acknowledged_since(0.0) >= ENOUGH, "frames are acknowledged")
    finally:
        node.kill()
    phones.stop()
    acquisitions, answers = node.witnessed()
    assert sum(one.accepted for one in answers) >= ENOUGH
    evidence = Evidence(phones.exchanges, log_of(data), phones.looks, acquisitions, answers)
    assert {complaint.rule for complaint in judge(evidence)} == ({"lost"} if breaks else set())


@pytest.mark.parametrize("breaks", [None, "no-fence"])
def test_an_owner_that_no_fence_keeps_out_is_found_when_it_wakes(tmp_path: Path, breaks: str | None) -> None:
    places, data = free_places(), tmp_path / "data"
    token = set_up_demo(DataFolder(data), load_settings(data)).owner_token
    plan = GroupPlan(root="purpose", folder=tmp_path, data=data, session_s=SESSION_S, projections=False)
    zookeeper = ZooKeeperEnsemble(tmp_path / "zookeeper", addresses=[places.zookeeper], forgetful=True)
    with zookeeper, NodeGroup(places, plan, nodes=2) as group:
        first, second = group.nodes
        first.breaks = breaks
        group.start()
        eventually(lambda: group.ready(first) and group.ready(second), "both nodes are ready")
        phones = Phones(group.urls, token, PHONES, seed=1, pause_s=PAUSE_S, patience_s=PATIENCE_S)
        eventually(lambda: phones.acknowledged_since(0.0) >= ENOUGH, "frames are acknowledged")
        owners = {one.shard: one.node for one in sorted(group.witnessed()[0])}
        pause_between_writes(first.pause, first.resume, data)
        since_s = time.monotonic()
        lost = {shard for shard, owner in owners.items() if owner == first.name}
        eventually(lambda: lost <= taken_since(second, since_s), "the other node has every shard")
        eventually(lambda: phones.served_since(since_s), "every phone asked again elsewhere")
        first.resume()
        since_s = time.monotonic()
        eventually(lambda: phones.acknowledged_since(since_s) >= ENOUGH, "frames are acknowledged")
        phones.stop()
    acquisitions, answers = group.witnessed()
    evidence = Evidence(phones.exchanges, log_of(data), phones.looks, acquisitions, answers)
    complaints = judge(evidence)
    found = {complaint.rule for complaint in complaints}
    print(complaints[:5], group.log[-8_000:], sep="\n")  # for who reads of a failure
    assert found == set() if breaks is None else "doubled" in found


def taken_since(node: ServiceNode, since_s: float) -> set[int]:
    """Shards that a node took after a moment."""
    return {one.shard for one in node.witnessed()[0] if one.at_s > since_s}
