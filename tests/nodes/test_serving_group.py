"""Three nodes of the service on one log: any of them takes any request, and any of them may go."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from click.testing import CliRunner
from kinelog.journal.event_forms import NEWEST
from kinelog.service.cli import main
from kinelog.service.commands.serve import command as serve

from tests.documents.documents import GROUP, ROOT, block_behind
from tests.nodes.serving_group import NAMES, ServingGroup, serving_group
from tests.nodes.steady_phone import SteadyPhone
from tests.system.asking import Asking, Reply, eventually
from tests.system.guests import GYM, Guest, enrol, open_gym, train
from tests.system.running_service import kinelog
from tests.system.test_process_dies import frames_in_journal
from tests.zookeeper.fixtures import address_in
from zookeeper_server.ensemble import ZooKeeperEnsemble

pytestmark = [pytest.mark.nodes, pytest.mark.xdist_group("serving-group"), pytest.mark.timeout(180)]

PHONES = 6
ENOUGH = 10
"""Frames of each phone before and after something happens."""


@pytest.fixture(scope="module")
def group(zookeeper_server: ZooKeeperEnsemble, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServingGroup]:
    """Three nodes and a gym. The tests that take one away stand last, and leave alpha."""
    with serving_group(tmp_path_factory.mktemp("group") / "data", address_in(zookeeper_server)) as nodes:
        nodes.start(NAMES)
        open_gym(nodes.owner("alpha"))
        listed = f"/v1/gyms/{GYM}/sessions"
        eventually(lambda: nodes.owner("alpha").get(listed).status == 200, "the workers have made the views")
        yield nodes


@pytest.fixture(scope="module", autouse=True)
def revoked(group: ServingGroup) -> list[Asking]:
    """Bearers of a token that every node knew, and that is forgotten while other tests run."""
    alpha = group.owner("alpha")
    made = alpha.post("/v1/tokens", {"role": "owner", "note": "short"})
    bearers = [Asking(group.nodes[name].url, made["token"]) for name in NAMES]
    assert [bearer.get("/v1/gyms").status for bearer in bearers] == [200] * len(NAMES), "it opens all of them at once"
    assert alpha.call("DELETE", f"/v1/tokens/{made['token_id']}").status == 200
    return bearers


def trained_everywhere(group: ServingGroup, name: str, seed: int) -> tuple[Guest, str]:
    """Somebody who was enrolled at one node and trained at another; the position of their last write."""
    guest = enrol(group.owner("alpha"), name, seed)
    return guest, train(group.owner("beta"), guest)


@contextmanager
def sending(group: ServingGroup, first_seed: int) -> Iterator[list[SteadyPhone]]:
    """Phones that send through all nodes."""
    urls = [group.nodes[name].url for name in NAMES]
    with ExitStack() as stack:
        phones = [
            stack.enter_context(SteadyPhone(group.owner("alpha"), f"phone-{seed}", seed, urls))
            for seed in range(first_seed, first_seed + PHONES)
        ]
        yield phones


def wait_for_more(phones: list[SteadyPhone]) -> None:
    """Until each phone had some more frames acknowledged."""
    wanted = [len(phone.acknowledged) + ENOUGH for phone in phones]
    eventually(
        lambda: all(len(phone.acknowledged) >= count for phone, count in zip(phones, wanted, strict=True)),
        "every phone goes on",
    )


def held(group: ServingGroup, phones: list[SteadyPhone]) -> None:
    """Every frame that was acknowledged is in the log, exactly once, and nobody was refused."""
    assert [phone.refused for phone in phones if phone.refused] == [], group.logs()
    stored = {entity.rsplit("/", 1)[1]: count for entity, count in frames_in_journal(group.data).items()}
    for phone in phones:
        assert sorted(set(phone.acknowledged)) == list(range(len(set(phone.acknowledged))))
        assert stored[phone.session] == len(set(phone.acknowledged))
    verified = kinelog("journal", "verify", str(group.data))
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_any_node_takes_any_request_and_shows_what_another_was_told(group: ServingGroup) -> None:
    guests = [trained_everywhere(group, f"guest-{seed}", seed) for seed in range(3)]
    for name in NAMES:
        owner = group.owner(name)
        for guest, position in guests:
            samples = f"/v1/users/{guest.name}/sessions/{guest.ended}/samples?min_position={position}"
            shown = owner.get_once_shown(samples)
            assert shown.status == 200, (name, shown.body)
            assert shown.json["samples"]
            received = Asking(owner.url, guest.token).get(f"/v1/sessions/{guest.open}/frames")
            assert received.status == 200, (name, received.body)
            exported = owner.get(f"/v1/users/{guest.name}/export")
            assert exported.status == 200
            assert guest.frames[0] in exported.body or len(exported.body) > 1000


def test_every_node_knows_which_form_of_events_the_workers_of_all_nodes_read(group: ServingGroup) -> None:
    said = f"alpha, beta, gamma; workers read form {NEWEST}"
    eventually(lambda: all(said in group.nodes[name].log for name in NAMES), "everybody heard of it")


def test_what_is_posted_to_one_node_is_live_on_another(group: ServingGroup) -> None:
    guest = enrol(group.owner("alpha"), "live-guest", 11)
    seen: list[str] = []

    def watch() -> None:
        for event in group.owner("gamma").events(f"/v1/gyms/{GYM}/live"):
            seen.append(event)
            if guest.open in event:
                return

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    eventually(lambda: any("snapshot" in event for event in seen), "the stream has begun")
    train(group.owner("beta"), guest)
    watching.join(60)
    assert not watching.is_alive(), seen


def test_a_cursor_of_one_node_is_opened_by_another(group: ServingGroup) -> None:
    guest, position = trained_everywhere(group, "lists", 12)
    path = f"/v1/users/{guest.name}/sessions?limit=1&min_position={position}"
    first = group.owner("alpha").get_once_shown(path)
    assert first.status == 200, first.body
    second = group.owner("beta").get_once_shown(f"{path}&cursor={first.json['next']}")
    assert second.status == 200, second.body
    listed = {answer.json["sessions"][0]["session"] for answer in (first, second)}
    assert listed == {guest.ended, guest.open}


def test_who_is_erased_at_one_node_is_gone_at_all_of_them_at_once(group: ServingGroup) -> None:
    guest, position = trained_everywhere(group, "gone-girl", 13)
    for name in NAMES:  # every node has keys, names and rows of theirs in its memory
        assert about(group.owner(name), guest, position).status == 200
        assert Asking(group.nodes[name].url, guest.token).get(f"/v1/sessions/{guest.open}/frames").status == 200
    erased = group.owner("alpha").call("DELETE", f"/v1/users/{guest.name}")
    assert erased.status == 200, erased.body
    for name in NAMES:
        owner = group.owner(name)
        assert about(owner, guest, position).status in (404, 410), name
        assert owner.get(f"/v1/users/{guest.name}").status in (404, 410), name
        listed = owner.get(f"/v1/gyms/{GYM}/sessions")
        assert guest.open.encode() not in listed.body, name
        assert guest.open not in owner.first_event(f"/v1/gyms/{GYM}/live"), name
        hers = Asking(owner.url, guest.token)
        assert hers.get(f"/v1/sessions/{guest.open}/frames").status in (401, 404, 410), name
        again = hers.call("PUT", f"/v1/sessions/{guest.open}/frames/{guest.watch}/50", guest.frames[0])
        assert again.status in (401, 404, 410), name


def about(owner: Asking, guest: Guest, position: str) -> Reply:
    """What a node says of somebody's samples."""
    return owner.get_once_shown(f"/v1/users/{guest.name}/sessions/{guest.ended}/samples?min_position={position}")


def test_what_the_document_says_of_a_group_is_so(group: ServingGroup) -> None:
    lines = block_behind(ROOT / "docs" / "cluster.md", GROUP).splitlines()
    described = {name for line in lines for name in re.findall(r"KINELOG_[A-Z_]+", line)}
    assert described <= {*group.variables, "KINELOG_NODE"}
    served = [line for line in lines if " kinelog serve " in line]
    assert [re.findall(r"KINELOG_NODE=(\w+)", line) for line in served] == [[name] for name in NAMES]
    for line in served:  # the group was started as they say
        serve.make_context("serve", line.rstrip(" &").split(" kinelog serve ")[1].split())
    asked = [line.split() for line in lines if line.startswith("kinelog cluster ")]
    assert len(asked) > 3
    for _, *arguments in asked:
        done = CliRunner().invoke(main, arguments, env=group.variables | {"KINELOG_DATA": str(group.data)})
        assert done.exit_code == 0, (arguments, done.output)
    for name in NAMES:
        group.wait_until_ready(name)


def test_a_token_that_was_revoked_at_one_node_opens_none_a_few_seconds_later(revoked: list[Asking]) -> None:
    assert revoked[0].get("/v1/gyms").status == 401, "at once where it was revoked"
    eventually(lambda: all(bearer.get("/v1/gyms").status == 401 for bearer in revoked), "it is refused everywhere")


def test_a_node_that_is_told_to_go_hands_over_without_an_error_at_a_phone(group: ServingGroup) -> None:
    with sending(group, 100) as phones:
        wait_for_more(phones)
        leaving = group.nodes["gamma"]
        assert leaving.terminate(timeout_s=60) == 0, leaving.log
        assert "let go of without" not in leaving.log
        wait_for_more(phones)
    held(group, phones)


def test_when_an_owner_is_killed_its_frames_go_on_elsewhere_and_none_is_lost_or_doubled(group: ServingGroup) -> None:
    with sending(group, 200) as phones:
        wait_for_more(phones)
        group.nodes["beta"].kill()
        wait_for_more(phones)
    held(group, phones)
    alpha = group.owner("alpha")
    for phone in phones:
        guest = phone.guest
        position = alpha.put(f"/v1/users/{guest.name}/consents", {"purposes": ["training-models"]})["position"]
        shown = alpha.get_once_shown(f"/v1/users/{guest.name}/sessions?min_position={position}")
        assert shown.status == 200, "the worker that is left folds what the others followed"
