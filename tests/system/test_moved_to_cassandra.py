"""The data folder of a demo, copied into Cassandra, verified and served: every GET route answers what it answered."""

from __future__ import annotations

import io
import json
import re
import secrets
import signal
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from kinelog.api.route_table import ROUTES
from kinelog.cassandra_session.address import CassandraAddress

from tests.cassandra.cql import CqlSession
from tests.cassandra.shared_node import SharedNode
from tests.system.asking import Asking, Reply, eventually
from tests.system.running_service import KINELOG, RunningService, environment, kinelog

pytestmark = [pytest.mark.cassandra, pytest.mark.timeout(900)]

MACHINES = {"/metrics", "/health/live", "/health/ready"}
"""Routes that speak of the process, not of what it keeps."""

NOT_OF_THE_DATA = {"next", "request_id"}
"""Cursors are sealed and made of what a store's keys look like; that pages are the same is asked page by page."""

NO_GYM = "no-such-gym"
ERASED = "gone"
LAST_LINE = "Stop with Ctrl-C."


@dataclass(frozen=True)
class Moved:
    """A demo's data folder, its owner's token, and its copy."""

    data: Path
    token: str
    store: str
    variables: dict[str, str]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A demo in which people trained, live and in bulk, and of whom one was erased; the owner's token."""
    data = tmp_path_factory.mktemp("demo") / "data"
    command = [*KINELOG, "demo", "--data", str(data), "--port", "0", "--users", "2"]
    process = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        printed = ""
        while LAST_LINE not in printed:
            line = process.stdout.readline()
            assert line, printed
            printed += line
        url, token = printed.split()[2], re.findall(r"#token=(\S+)", printed)[0]
        gym = Asking(url, token).get("/v1/gyms").json["gyms"][0]["gym"]
        train = ["simulate", "--url", url, "--bulk", "--gym", gym, "--minutes", "2"]
        for options in (
            ["--users", "3", "--prefix", "bulk", "--seed", "5"],
            ["--users", "1", "--prefix", ERASED, "--seed", "9"],
        ):
            done = kinelog(*train, *options, KINELOG_TOKEN=token)
            assert done.returncode == 0, done.stderr
        erase(Asking(url, token))
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    return data, token


def erase(asking: Asking) -> None:
    # The views may be a moment behind what was acknowledged.
    eventually(lambda: bool(people_to_erase(asking)), "the views show who is to be erased")
    (name,) = people_to_erase(asking)
    reply = asking.call("DELETE", f"/v1/users/{name}")
    assert reply.status in (200, 202, 204), reply.body


def people_to_erase(asking: Asking) -> list[str]:
    return [name for name in names(asking) if name.startswith(ERASED)]


def names(asking: Asking) -> list[str]:
    """Who trained in the gym."""
    sessions = asking.get(f"/v1/gyms/{gyms(asking)[0]}/sessions?limit=100").json["sessions"]
    return sorted({session["user"] for session in sessions})


def gyms(asking: Asking) -> list[str]:
    return [gym["gym"] for gym in asking.get("/v1/gyms").json["gyms"]]


@pytest.fixture(scope="module")
def moved(demo: tuple[Path, str], cassandra_node: SharedNode, cassandra_session: CqlSession) -> Iterator[Moved]:
    """The copy, made by the commands of the documents."""
    data, token = demo
    prefix = f"t_moved_{secrets.token_hex(4)}"
    address = CassandraAddress((cassandra_node.address.host,), cassandra_node.address.port, prefix)
    variables = {"KINELOG_MASTER_KEY": (data / "keys" / "master.key").read_text()}
    for command in (
        ["schema", "apply", "--store", str(address)],
        ["journal", "copy", "--from", f"sqlite:{data}", "--to", str(address)],
        ["journal", "verify", "--store", str(address)],
        ["project", "--once", "--data", str(data)],
        ["project", "--once", "--store", str(address), "--data", str(data.parent / "elsewhere")],
    ):
        done = kinelog(*command, **variables)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
    yield Moved(data, token, str(address), variables)
    cassandra_session.drop_keyspaces(prefix)


def test_every_get_route_answers_the_same_from_the_copy(moved: Moved) -> None:
    with RunningService(moved.data) as embedded:
        before = answers(Asking(embedded.url, moved.token))
        assert embedded.terminate(30.0) == 0
    elsewhere = moved.data.parent / "elsewhere"
    with RunningService(elsewhere, ["--store", moved.store], moved.variables) as on_cluster:
        after = answers(Asking(on_cluster.url, moved.token))
        assert on_cluster.terminate(30.0) == 0
    assert sum(status == 200 for status, _ in before.values()) > 30
    assert {path for path, (status, _) in before.items() if status >= 500} == set()
    assert after.keys() == before.keys()
    different = [path for path in before if after[path] != before[path]]
    assert different == [], [(before[path], after[path]) for path in different[:12]]


def test_the_copy_of_the_copy_is_the_folder(moved: Moved, tmp_path: Path) -> None:
    back = tmp_path / "back"
    done = kinelog("journal", "copy", "--from", moved.store, "--to", f"sqlite:{back}", "--json", **moved.variables)
    assert done.returncode == 0, done.stderr
    here = kinelog("journal", "copy", "--from", f"sqlite:{moved.data}", "--to", f"sqlite:{tmp_path / 'here'}", "--json")
    chains = [json.loads(each.stdout.splitlines()[-1])["chains"] for each in (done, here)]
    assert chains[0] == chains[1]
    assert kinelog("journal", "verify", str(back)).returncode == 0


def answers(asking: Asking) -> dict[str, tuple[int, Any]]:
    """Status and content of every GET route, for everybody and everything there is."""
    eventually(lambda: asking.get("/health/ready").status == 200, "the service is ready")
    known = values(asking)
    found: dict[str, tuple[int, Any]] = {}
    for route in ROUTES:
        if route.method != "GET" or route.path in MACHINES:
            continue
        wanted = re.findall(r"{(\w+)}", route.path)
        for chosen in product(*(known[name] for name in wanted)):
            path = route.path.format(**dict(zip(wanted, chosen, strict=True)))
            if path.endswith("/live") and chosen[0] != NO_GYM:
                found[path] = (200, json.loads(re.findall(r"^data: ?(.*)$", asking.first_event(path), re.MULTILINE)[0]))
            else:
                found.update(pages(asking, path))
    return found


def values(asking: Asking) -> dict[str, list[str]]:
    """What the parameters of paths can be, and one of each that is not there."""
    (gym,) = gyms(asking)
    people = [*names(asking), "curious-reader", "nobody-of-that-name"]
    sessions = [
        session["session"]
        for person in people[:-1]
        for session in asking.get(f"/v1/users/{person}/sessions").json["sessions"]
    ]
    return {
        "gym": [gym, NO_GYM],
        "user": people,
        "session": [*sorted(set(sessions)), "00000000-0000-4000-8000-000000000000"],
        "number": ["1", "2", "77"],
        # Models themselves lie in a store of their own, which a copy of the log leaves alone.
        "cluster": ["no-such-cluster"],
        "sensors": ["left-wrist"],
        "hex": ["0" * 64],
    }


def pages(asking: Asking, path: str) -> Iterator[tuple[str, tuple[int, Any]]]:
    """A route's answer; of a list also its pages of two, behind each other."""
    reply = asking.get(path)
    yield path, (reply.status, content(reply))
    if reply.status != 200 or "json" not in reply.headers["content-type"] or "next" not in reply.json:
        return
    number, cursor = 0, ""
    while cursor is not None:
        page = asking.get(f"{path}?limit=2{cursor and '&cursor=' + cursor}")
        if page.status != 200:
            yield f"{path} page {number}", (page.status, content(page))
            return
        yield f"{path} page {number}", (page.status, content(page))
        number, cursor = number + 1, page.json["next"]


def content(reply: Reply) -> Any:
    """What it says, without what belongs to the store that says it."""
    kind = reply.headers.get("content-type", "")
    if "zip" in kind:
        with zipfile.ZipFile(io.BytesIO(reply.body)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    if "json" not in kind:
        return reply.body
    said = reply.json
    return {key: value for key, value in said.items() if key not in NOT_OF_THE_DATA} if isinstance(said, dict) else said
