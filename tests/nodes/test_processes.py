"""Several processes behind one port: one may be killed or stand still, and nobody is told what is not so."""

from __future__ import annotations

import http.client
import json
import re
import secrets
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import msgspec
import psutil
import pytest
from kinelog.journal.event_forms import NEWEST
from kinelog.phone.received import ReceivedFrames
from kinelog.service.cluster_secrets import CLUSTER_SECRET_VARIABLE

from tests.nodes.processes_started import StartedProcesses
from tests.nodes.steady_phone import SteadyPhone
from tests.system.asking import eventually
from tests.system.guests import open_gym
from tests.system.pausing import pause_between_writes
from tests.system.running_service import kinelog, prepare
from tests.system.test_process_dies import frames_in_journal
from tests.zookeeper.fixtures import address_in
from zookeeper_server.ensemble import ZooKeeperEnsemble

pytestmark = [pytest.mark.nodes, pytest.mark.xdist_group("processes"), pytest.mark.timeout(120)]

PHONES = 6
SHORT_WAIT_S = 12.0
"""Long for a phone's request, shorter than it waits for an answer."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A data folder and an owner's token."""
    folder = tmp_path_factory.mktemp("processes") / "data"
    return folder, prepare(folder)


@pytest.fixture(scope="module")
def group(data: tuple[Path, str]) -> Iterator[StartedProcesses]:
    """Two processes and a gym; the tests go through them in their order."""
    with StartedProcesses(*data) as started:
        open_gym(started.owner)
        yield started


@contextmanager
def sending(group: StartedProcesses, prefix: str) -> Iterator[list[SteadyPhone]]:
    """Phones that send frame after frame."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(SteadyPhone(group.owner, f"{prefix}-{seed}", seed, [group.url]))
            for seed in range(PHONES)
        ]


def wait_for_more(phones: Sequence[SteadyPhone], frames: int = 10) -> None:
    """Until each had some more acknowledged."""
    wanted = [len(phone.acknowledged) + frames for phone in phones]
    eventually(
        lambda: all(len(p.acknowledged) >= count for p, count in zip(phones, wanted, strict=True)),
        "every phone goes on",
    )


def each_stored_once(group: StartedProcesses, phones: Sequence[SteadyPhone]) -> None:
    """What was acknowledged is in the log once, and nothing else is."""
    stored = {entity.rsplit("/", 1)[1]: count for entity, count in frames_in_journal(group.data).items()}
    for phone in phones:
        assert len(set(phone.acknowledged)) == len(phone.acknowledged) > 0
        assert stored[phone.session] == len(phone.acknowledged)


def test_both_children_serve_their_half_behind_one_port_and_one_page_tells_the_figures_of_both(
    group: StartedProcesses,
) -> None:
    group.wait_until_shared()
    assert group.log.count("listening on") == 1
    for name in ("gym-1", "gym-2"):
        assert re.search(rf"^{name} .* INFO kinelog\.actors\..* acquired: epoch", group.log, re.MULTILINE)
    assert group.held_by("gym-1") | group.held_by("gym-2") == {0, 1, 2, 3}
    page = group.figures()
    for name in ("gym-1", "gym-2"):
        assert f'kinelog_process_up{{process="{name}"}} 1.0' in page
        assert f'kinelog_actors_serving{{process="{name}",shard="0"}}' in page
    assert page.count("# TYPE kinelog_actors_serving gauge") == 1


def test_both_children_know_which_form_of_events_the_worker_reads(group: StartedProcesses) -> None:
    for name in ("gym-1", "gym-2"):
        said = re.compile(rf"^{name} .* view \d+: gym-1, gym-2; workers read form {NEWEST}$", re.MULTILINE)
        eventually(partial(heard, group, said), f"{name} heard of it")


def test_when_a_child_is_killed_under_load_phones_wait_a_moment_and_nothing_acknowledged_is_lost_or_doubled(
    group: StartedProcesses,
) -> None:
    with sending(group, "killed") as phones:
        wait_for_more(phones)
        group.children()["gym-1"].send_signal(signal.SIGKILL)
        wait_for_more(phones, 20)
    assert max(phone.longest_wait_s for phone in phones) < SHORT_WAIT_S, group.log
    assert [phone.refused for phone in phones if phone.refused] == []
    each_stored_once(group, phones)
    group.wait_until_shared()
    assert "gym-1 ended with code -9; started again" in group.log


def test_a_child_that_stood_still_for_longer_than_its_session_answers_nothing_of_what_it_knew(
    group: StartedProcesses,
) -> None:
    """What others stored meanwhile must be in every answer that it gives when it wakes: it no longer owns anything."""
    still = group.children()["gym-2"]
    with sending(group, "still") as phones:
        wait_for_more(phones)
    lines = [group.connected_to(still) for _ in phones]
    for phone, line in zip(phones, lines, strict=True):  # now it has all of them in its memory
        assert asked(line, phone) == len(phone.acknowledged)
    stop, go_on = (partial(still.send_signal, number) for number in (signal.SIGSTOP, signal.SIGCONT))
    pause_between_writes(stop, go_on, group.data)
    try:
        for phone, line in zip(phones, lines, strict=True):
            line.request("GET", f"/v1/sessions/{phone.session}/frames", headers=bearer(phone))
        store_more(group.connected_to(group.children()["gym-1"]), phones)
    finally:
        still.send_signal(signal.SIGCONT)
    for phone, line in zip(phones, lines, strict=True):
        answer = line.getresponse()
        body = answer.read()
        assert answer.status in (200, 503), body
        if answer.status == 200:
            assert stored_in(body) == len(phone.acknowledged) == len(set(phone.acknowledged))
        line.close()
    each_stored_once(group, phones)
    eventually(lambda: "node gym-2 is out of the group" in group.log, "it noticed")
    group.wait_until_shared()


def test_sigterm_to_the_parent_ends_all_of_them_in_order(group: StartedProcesses) -> None:
    everybody = group.everybody()
    with sending(group, "ended") as phones:
        wait_for_more(phones)
        assert group.terminate(timeout_s=20) == 0, group.log
        gone(everybody)
    assert "Traceback" not in group.log
    assert "killed" not in group.log
    each_stored_once(group, phones)
    verified = kinelog("journal", "verify", str(group.data))
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_kill_9_of_the_parent_leaves_no_process_and_the_folder_free(data: tuple[Path, str]) -> None:
    with StartedProcesses(*data) as group:
        everybody = group.everybody()
        assert len(everybody) == 4
        group.process.kill()
        gone(everybody)
    assert "Traceback" not in group.log
    # The lock of the group is gone with the last of them: this wants the folder for itself.
    assert kinelog("tenant", "create", "another", "--data", str(data[0])).returncode == 0


def test_with_a_zookeeper_children_join_the_group_of_all_machines_under_names_of_their_own(
    data: tuple[Path, str], zookeeper_server: ZooKeeperEnsemble
) -> None:
    place = address_in(zookeeper_server)
    variables = {
        "KINELOG_ZOOKEEPER": ",".join(place.hosts) + place.root,
        CLUSTER_SECRET_VARIABLE: secrets.token_hex(32),
    }
    with StartedProcesses(*data, variables=variables) as group:
        group.wait_until_shared()
        listed = kinelog("cluster", "status", "--data", str(data[0]), "--json", **variables)
        assert listed.returncode == 0, listed.stderr
        assert {node["name"] for node in json.loads(listed.stdout)["nodes"]} == {"gym-1", "gym-2"}
        assert group.terminate(timeout_s=20) == 0, group.log


def heard(group: StartedProcesses, said: re.Pattern[str]) -> bool:
    """Whether somebody's line is as wanted."""
    return said.search(group.log) is not None


def gone(processes: Sequence[psutil.Process]) -> None:
    """Wait until none of them runs."""
    _, alive = psutil.wait_procs(processes, timeout=20)
    assert alive == []


def bearer(phone: SteadyPhone) -> dict[str, str]:
    """As what a phone asks."""
    return {"Authorization": f"Bearer {phone.guest.token}"}


def asked(line: http.client.HTTPConnection, phone: SteadyPhone) -> int:
    """How many of a phone's frames the service says it has."""
    line.request("GET", f"/v1/sessions/{phone.session}/frames", headers=bearer(phone))
    answer = line.getresponse()
    body = answer.read()
    assert answer.status == 200, body
    return stored_in(body)


def stored_in(body: bytes) -> int:
    """Of all devices."""
    return sum(device.stored for device in msgspec.json.decode(body, type=ReceivedFrames).devices.values())


def store_more(line: http.client.HTTPConnection, phones: Sequence[SteadyPhone]) -> None:
    """One more frame of each phone, through somebody who is awake; acknowledged when this is over."""
    for phone in phones:
        number = len(phone.acknowledged)
        frame = phone.guest.frame(phone.guest.started_ms + number * 1000)
        path = f"/v1/sessions/{phone.session}/frames/{phone.guest.watch}/{number}"

        def stored(path: str = path, frame: bytes = frame, phone: SteadyPhone = phone) -> bool:
            line.request("PUT", path, frame, {**bearer(phone), "Content-Type": "application/octet-stream"})
            answer = line.getresponse()
            answer.read()
            return answer.status in (200, 201)

        eventually(stored, "somebody else owns what the one that stands still did")
        phone.acknowledged.append(number)
    line.close()
