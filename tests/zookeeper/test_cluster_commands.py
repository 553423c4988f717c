"""`kinelog cluster` with a real ZooKeeper and real channels: what it shows is so, and what it asks for happens."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import pytest
from click.testing import CliRunner, Result
from kinelog.actors.membership.placement import owners
from kinelog.actors.membership.zookeeper import ZooKeeperMembership
from kinelog.actors.membership.zookeeper_layout import ZooKeeperAddress
from kinelog.projections.status import ProjectionStatus
from kinelog.service.cli import main
from kinelog.service.configuration import DataFolder, Settings
from kinelog.service.errors import UnavailableServiceError
from kinelog.service.group_control import group_control
from kinelog.service.group_joining import PROJECTIONS, READERS
from kinelog.service.group_look import GroupLook
from kinelog.service.opened_data import OpenedData, open_data

from tests.nodes.membership_contract import LONG_SESSION_S, Heard, member
from tests.zookeeper.saying_nodes import SECRET, SHARDS, SayingNode, saying_nodes

pytestmark = [pytest.mark.nodes, pytest.mark.xdist_group("zookeeper")]
Ask = Callable[..., Result]
Nodes = dict[str, SayingNode]
Report = dict[str, list[Any]]


@pytest.fixture
def ask(zookeeper: ZooKeeperAddress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Run `kinelog cluster …` for the test's group."""
    monkeypatch.setenv("KINELOG_ZOOKEEPER", ",".join(zookeeper.hosts) + zookeeper.root)
    monkeypatch.setenv("KINELOG_CLUSTER_SECRET", SECRET)
    monkeypatch.setenv("KINELOG_DATA", str(tmp_path))

    def asked(*arguments: str) -> Result:
        result = CliRunner().invoke(main, ["cluster", *arguments])
        assert "Traceback" not in result.output
        return result

    return asked


@pytest.fixture
def nodes(zookeeper: ZooKeeperAddress) -> Iterator[Nodes]:
    """Two nodes."""
    with saying_nodes(zookeeper, "alpha", "beta") as both:
        yield both


def status(ask: Ask) -> Report:
    result = ask("status", "--json")
    assert result.exit_code == 0, result.output
    said: Report = json.loads(result.output)
    return said


def column(said: Report, table: str, name: str) -> list[object]:
    return [line[name] for line in said[table]]


def test_status_says_who_is_there_and_who_answers_for_which_shard(ask: Ask, nodes: Nodes) -> None:
    said = status(ask)
    placed = list(owners(SHARDS, nodes["alpha"].membership.view().members, {}))
    assert column(said, "nodes", "name") == ["alpha", "beta"]
    assert column(said, "nodes", "owns") == column(said, "nodes", "serves") == [4, 4]
    assert column(said, "nodes", "forwarded") == [7, 7]
    assert column(said, "shards", "owner") == placed
    assert column(said, "shards", "served_by") == [[owner] for owner in placed]
    assert column(said, "shards", "head") == [100 + shard for shard in range(SHARDS)]
    assert not any(column(said, "shards", "moving"))
    assert column(said, "shards", "lag") == [None] * SHARDS
    words = ask("status").output
    assert "lag: not known, there is no log in" in words
    assert len([line for line in words.splitlines() if " ready " in line]) == 2 + SHARDS


class Meanwhile:
    """In the place of the wait between two looks: what happens in it; Ctrl-C in the last one."""

    def __init__(self, *happens: Callable[[], object]) -> None:
        self.happens = list(happens)
        self.waits: list[float] = []

    def __call__(self, wait_s: float) -> None:
        self.waits.append(wait_s)
        if not self.happens:
            raise KeyboardInterrupt
        self.happens.pop(0)()


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Meanwhile]:
    def set_up(*happens: Callable[[], object]) -> Meanwhile:
        waits = Meanwhile(*happens)
        monkeypatch.setattr("kinelog.service.commands.cluster_status.time.sleep", waits)
        return waits

    return set_up


@contextmanager
def worker(zookeeper: ZooKeeperAddress, group: str, name: str, there: int) -> Iterator[ZooKeeperMembership]:
    """A projection worker, once it sees so many of its group."""
    me = msgspec.structs.replace(member(name), address="", reads=7)
    membership = ZooKeeperMembership(zookeeper, group, me, session_s=LONG_SESSION_S, shards=SHARDS)
    heard = Heard()
    membership.start(heard)
    try:
        heard.wait(lambda view: view.joined and len(view.members) == there)
        yield membership
    finally:
        membership.stop()


@pytest.mark.usefixtures("nodes")
def test_status_and_its_watch_show_projection_workers_as_they_come_and_go(
    ask: Ask, zookeeper: ZooKeeperAddress, meanwhile: Callable[..., Meanwhile], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(GroupLook, "_lag", lambda _: (SHARDS, {shard: 10 + shard for shard in range(SHARDS)}, []))
    assert status(ask)["workers"] == []
    assert "no projection worker shares the shards" in ask("status").output
    with (
        worker(zookeeper, READERS, "alpha-00ff", 1),
        worker(zookeeper, PROJECTIONS, "alpha", 1) as alpha,
        ExitStack() as stays,
    ):
        beta = stays.enter_context(worker(zookeeper, PROJECTIONS, "beta", 2))
        said = status(ask)
        placed = owners(SHARDS, beta.view().members, {})
        shares = [[shard for shard, name in enumerate(placed) if name == each] for each in ("alpha", "beta")]
        assert column(said, "workers", "name") == ["alpha", "beta", "alpha-00ff"]
        assert column(said, "workers", "life") == [alpha.me.life, beta.me.life, "00000001"]
        assert column(said, "workers", "reads") == [7, 7, 7]
        assert column(said, "workers", "shards") == [*shares, None]
        assert column(said, "workers", "lag") == [*(sum(10 + shard for shard in share) for share in shares), None]
        words = ask("status").output
        assert re.search(rf"^beta +1\.2\.3 +7 +\d+  {', '.join(map(str, shares[1]))}$", words, re.MULTILINE)
        assert re.search(r"^alpha-00ff +1\.2\.3 +7 +\?  its own$", words, re.MULTILINE)

        meanwhile(stays.close)
        looks = [json.loads(line) for line in ask("status", "--watch", "--json").output.splitlines()]
        assert [column(said, "workers", "name") for said in looks] == [
            ["alpha", "beta", "alpha-00ff"], ["alpha", "alpha-00ff"],
        ]  # fmt: skip
        assert looks[1]["workers"][0]["shards"] == list(range(SHARDS))


def test_workers_without_a_node_are_shown_too(ask: Ask, zookeeper: ZooKeeperAddress) -> None:
    with worker(zookeeper, PROJECTIONS, "gamma", 1):
        words = ask("status")
    assert words.exit_code == 69
    assert words.output.startswith("no node is there\nworker ")
    assert re.search(r"^gamma +1\.2\.3 +7 .* none$", words.output, re.MULTILINE)


def test_a_node_that_does_not_reach_the_log_says_so(ask: Ask, nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    said = msgspec.structs.replace(nodes["beta"].status(), store_answers=False)
    monkeypatch.setattr(nodes["beta"], "status", lambda: said)
    assert column(status(ask), "nodes", "store_answers") == [None, False]
    assert re.search(r"^beta .* no log ", ask("status").output, re.MULTILINE)


def test_a_node_that_does_not_answer_is_said_so_and_its_shards_are_shown_as_placed(
    ask: Ask, nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed = list(owners(SHARDS, nodes["alpha"].membership.view().members, {}))
    monkeypatch.setattr(nodes["beta"], "status", None)
    said = status(ask)
    assert column(said, "nodes", "serves") == [4, None]
    assert column(said, "shards", "owner") == placed
    assert [line["phase"] for line in said["shards"] if line["owner"] == "beta"] == ["unknown"] * 4
    assert [line["served_by"] for line in said["shards"] if line["owner"] == "beta"] == [None] * 4
    assert any("beta did not answer" in str(note) for note in said["notes"])


@pytest.mark.usefixtures("nodes")
def test_without_the_secret_of_the_group_status_shows_placement_and_says_why(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KINELOG_CLUSTER_SECRET")
    result = ask("status", "--json")
    assert result.exit_code == 0
    assert json.loads(result.output)["nodes"][0]["problem"].startswith("not asked: KINELOG_CLUSTER_SECRET")


def test_a_watch_says_each_look_in_a_line_until_ctrl_c_and_a_zookeeper_that_is_away_for_one_is_a_note(
    ask: Ask, nodes: Nodes, meanwhile: Callable[..., Meanwhile], monkeypatch: pytest.MonkeyPatch
) -> None:
    def drain() -> None:
        nodes["beta"].membership.set_draining(True)
        nodes["alpha"].heard.wait(lambda view: view.members[1].draining)

    control = "kinelog.service.group_look.group_control"
    real = group_control

    def away(_settings: Settings) -> NoReturn:
        raise UnavailableServiceError("no ZooKeeper answers")

    waits = meanwhile(drain, partial(monkeypatch.setattr, control, away), partial(monkeypatch.setattr, control, real))
    result = ask("status", "--watch", "0.5", "--json")
    assert result.exit_code == 0, result.output
    looks: list[Report] = [json.loads(line) for line in result.output.splitlines()]
    assert [column(said, "nodes", "owns") for said in looks] == [[4, 4], [8, 0], [], [8, 0]]
    assert looks[2]["notes"] == ["not known: no ZooKeeper answers"]
    assert len(waits.waits) == 4
    assert all(0 <= wait_s <= 0.5 for wait_s in waits.waits)


@pytest.mark.usefixtures("nodes")
def test_a_watch_in_words_says_when_it_looked_and_how_often(ask: Ask, meanwhile: Callable[..., Meanwhile]) -> None:
    meanwhile(lambda: None)
    result = ask("status", "--watch")
    assert result.exit_code == 0, result.output
    assert len(re.findall(r"^\d\d:\d\d:\d\d, again every 2 s until Ctrl-C$", result.output, re.MULTILINE)) == 2
    assert len([line for line in result.output.splitlines() if " ready " in line]) == 2 * (2 + SHARDS)


def test_a_watch_of_a_group_without_nodes_goes_on(ask: Ask, meanwhile: Callable[..., Meanwhile]) -> None:
    meanwhile(lambda: None)
    result = ask("status", "--watch", "1")
    assert result.exit_code == 0
    assert result.output.count("no node is there") == 2
    assert ask("status", "--watch", "0").exit_code == 64


def test_the_store_stays_open_between_looks_and_is_opened_anew_after_it_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = msgspec.structs.replace(Settings(), zookeeper="127.0.0.1:1")
    folder = DataFolder(tmp_path / "data")
    with open_data(folder, settings):
        pass
    opened: list[object] = []

    def opening(*arguments: object, **named: object) -> OpenedData:
        opened.append(arguments)
        return open_data(folder, settings, may_write=bool(named["may_write"]))

    monkeypatch.setattr("kinelog.service.group_look.open_data", opening)
    with GroupLook(folder, settings) as look:
        assert [look._lag() for _ in range(3)] == [EMPTY] * 3
        assert len(opened) == 1
        monkeypatch.setattr("kinelog.service.group_look.status_of", _failing)
        assert "the store does not say: gone" in look._lag()[2][0]
        monkeypatch.undo()
        assert look._lag() == EMPTY


EMPTY: tuple[int, dict[int, int], list[str]] = (4, dict.fromkeys(range(4), 0), [])
"""What is said of a log in which nothing is."""


def _failing(*_: object) -> ProjectionStatus:
    raise sqlite3.OperationalError("gone")


def test_a_drained_node_owns_nothing_and_may_own_again(ask: Ask, nodes: Nodes) -> None:
    assert ask("drain", "beta", "--wait").exit_code == 0
    said = status(ask)
    assert column(said, "nodes", "owns") == [8, 0]
    assert column(said, "nodes", "draining") == [False, True]
    assert said["drained"] == ["beta"]
    assert ask("drain", "beta", "--undo").exit_code == 0
    for node in nodes.values():
        node.heard.wait(lambda view: not any(member.draining for member in view.members))
    assert column(status(ask), "nodes", "owns") == [4, 4]


def test_waiting_for_a_node_that_does_not_let_go_ends_and_says_what_it_holds(ask: Ask, nodes: Nodes) -> None:
    stuck = owners(SHARDS, nodes["alpha"].membership.view().members, {}).index("beta")
    nodes["beta"].stuck.add(stuck)
    assert ask("drain", "beta", "--wait", "--within", "0").exit_code == 75
    nodes["beta"].heard.wait(lambda view: view.members[1].draining)
    result = ask("drain", "beta", "--wait", "--within", "0")
    assert result.exit_code == 75
    assert f"beta, after 0 s: it still holds shards {stuck}" in result.output
    nodes["alpha"].heard.wait(lambda view: view.members[1].draining)
    line = status(ask)["shards"][stuck]
    assert (line["owner"], line["moving"], line["served_by"]) == ("alpha", True, ["alpha", "beta"])


def test_a_shard_is_moved_and_goes_back(ask: Ask, nodes: Nodes) -> None:
    shard = owners(SHARDS, nodes["alpha"].membership.view().members, {}).index("alpha")
    assert ask("move", str(shard), "beta", "--wait").exit_code == 0
    for node in nodes.values():
        node.heard.wait(lambda view: dict(view.pins) == {shard: "beta"})
    line = status(ask)["shards"][shard]
    assert (line["owner"], line["pinned"], line["served_by"]) == ("beta", True, ["beta"])
    assert f"{shard} beta (pinned)" in ask("status").output
    assert ask("move", str(shard), "--back").exit_code == 0
    nodes["alpha"].heard.wait(lambda view: not view.pins)
    assert status(ask)["shards"][shard]["owner"] == "alpha"


def test_waiting_for_a_shard_that_does_not_get_ready_ends_and_says_so(ask: Ask, nodes: Nodes) -> None:
    shard = owners(SHARDS, nodes["alpha"].membership.view().members, {}).index("alpha")
    nodes["beta"].late.add(shard)
    result = ask("move", str(shard), "beta", "--wait", "--within", "0.3")
    assert result.exit_code == 75
    assert f"beta, after 0.3 s: it does not answer for shard {shard} yet" in result.output
    for node in nodes.values():
        node.heard.wait(lambda view: dict(view.pins) == {shard: "beta"})
    line = status(ask)["shards"][shard]
    assert (line["owner"], line["moving"], line["phase"]) == ("beta", True, "restoring")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("drain", "gamma"), 66, "there is no node gamma; there are: alpha, beta"),
        (("move", "1", "gamma"), 66, "there is no node gamma; there are: alpha, beta"),
        (("move", "8", "beta"), 66, "there is no shard 8; there are 0 to 7"),
        (("move", "1"), 64, "name the node"),
        (("move", "1", "beta", "--back"), 64, "name the node"),
        (("move", "-1", "beta"), 64, "-1"),
        (("drain", "a/b", "--undo"), 64, "'a/b' is no name of a node"),
        (("drain", "beta", "--undo", "--wait"), 64, "--wait says"),
    ],
)
@pytest.mark.usefixtures("nodes")
def test_what_cannot_be_is_refused_in_words(ask: Ask, arguments: tuple[str, ...], code: int, said: str) -> None:
    result = ask(*arguments)
    assert (result.exit_code, said in result.output) == (code, True), result.output


def test_a_group_without_nodes_is_said_so(ask: Ask) -> None:
    result = ask("status")
    assert result.exit_code == 69
    assert "no node is there" in result.output


def test_a_zookeeper_that_is_away_or_not_named_is_said_so(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kinelog.actors.membership.zookeeper_control.WITHIN_S", 0.2)
    monkeypatch.setenv("KINELOG_ZOOKEEPER", "127.0.0.1:1")
    result = ask("status")
    assert result.exit_code == 69
    assert "no ZooKeeper answers at 127.0.0.1:1" in result.output
    monkeypatch.delenv("KINELOG_ZOOKEEPER")
    assert ask("status").exit_code == 64
