"""Three nodes of the service on one log: any of them takes any request, and any of them may go."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kinelog.actors.membership.zookeeper_layout import ZooKeeperAddress

from tests.nodes.serving_group import NAMES, ServingGroup, serving_group
from tests.system.asking import Asking
from tests.system.guests import FRAMES, Guest, enrol, open_gym, train

pytestmark = [pytest.mark.nodes, pytest.mark.xdist_group("serving-group"), pytest.mark.timeout(180)]

TENANT = "iron-works"
PHONES = 6


@pytest.fixture(scope="module")
def group(zookeeper_server: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServingGroup]:
    """Three nodes with a gym; tests that harm some start them again."""
    from tests.zookeeper.fixtures import address_in

    address: ZooKeeperAddress = address_in(zookeeper_server)
    with serving_group(tmp_path_factory.mktemp("group") / "data", address) as nodes:
        nodes.start(NAMES)
        open_gym(nodes.owner("alpha"))
        yield nodes


def trained_everywhere(group: ServingGroup, name: str, seed: int) -> tuple[Guest, str]:
    """Somebody who was enrolled at one node and trained at another; the position of their last write."""
    guest = enrol(group.owner("alpha"), name, seed)
    return guest, train(group.owner("beta"), guest)


def test_any_node_takes_any_request_and_shows_what_another_was_told(group: ServingGroup) -> None:
    guests = [trained_everywhere(group, f"guest-{seed}", seed) for seed in range(3)]
    for name in NAMES:
        owner = group.owner(name)
        for guest, position in guests:
            frames = f"/v1/users/{guest.name}/sessions/{guest.ended}/samples?min_position={position}"
            samples = owner.get(frames)
            assert samples.status == 200, (name, samples.body)
            assert samples.json["samples"]
            received = Asking(owner.url, guest.token).get(f"/v1/sessions/{guest.open}/frames")
            assert received.status == 200, (name, received.body)
            exported = owner.get(f"/v1/users/{guest.name}/export")
            assert exported.status == 200
            assert len(exported.body) > FRAMES * 100
    forwarded = sum(figure(group.owner(name), "kinelog_frames") >= 0 for name in NAMES)
    assert forwarded == len(NAMES)


def figure(owner: Asking, start: str) -> int:
    return sum(line.startswith(start) for line in owner.get("/metrics").body.decode().splitlines())
