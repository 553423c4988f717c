"""Two nodes of the service that talk by TLS only: what belongs to one is taken by the other, strangers are refused."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from kinelog.service.cli import main

from tests.cassandra.certificates import Authority
from tests.nodes.serving_group import ServingGroup, serving_group
from tests.system.asking import Asking, eventually
from tests.system.guests import GYM, enrol, open_gym
from tests.system.test_process_dies import frames_in_journal
from tests.system.webhooks_asked import ALLOWED, publish, set_webhook
from tests.webhooks.receiver import receiving
from tests.zookeeper.fixtures import address_in
from zookeeper_server.ensemble import ZooKeeperEnsemble

pytestmark = [pytest.mark.nodes, pytest.mark.xdist_group("encrypted-group"), pytest.mark.timeout(180)]

NAMES = ("alpha", "beta")
ANSWER_S = 20.0


def certificates(folder: Path, name: str) -> tuple[Path, Path]:
    """A new authority's certificate, and a key with the certificate that it signed."""
    authority = Authority()
    return authority.certificate(folder / f"{name}-ca.pem"), authority.issue(folder / f"{name}.pem", "127.0.0.1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the module."""
    return tmp_path_factory.mktemp("encrypted")


@pytest.fixture(scope="module")
def group(zookeeper_server: ZooKeeperEnsemble, folder: Path) -> Iterator[ServingGroup]:
    """Two nodes; beta owns everything, since alpha is drained. The test that takes beta away stands last."""
    authority, issued = certificates(folder, "ours")
    with serving_group(folder / "data", address_in(zookeeper_server)) as nodes:
        nodes.variables |= ALLOWED | {
            "KINELOG_CLUSTER_CA": str(authority),
            "KINELOG_CLUSTER_CERTIFICATE": str(issued),
            "KINELOG_CLUSTER_KEY": str(issued),
        }
        nodes.start(NAMES, "--no-projections")
        asked(nodes, "drain", "alpha", "--wait")
        eventually(lambda: serves(nodes, "beta") == 4, f"beta has every shard\n{nodes.logs()}")
        yield nodes


def asked(group: ServingGroup, *arguments: str) -> str:
    """What `kinelog cluster` answers, which speaks to the nodes as they do."""
    done = CliRunner().invoke(
        main, ["cluster", *arguments, "--json"], env=group.variables | {"KINELOG_DATA": str(group.data)}
    )
    assert done.exit_code == 0, done.output
    return done.output


def told(group: ServingGroup, name: str, what: str) -> object:
    """What the nodes' report says of one."""
    [line] = [line for line in json.loads(asked(group, "status"))["nodes"] if line["name"] == name]
    value: object = line[what]
    return value


def serves(group: ServingGroup, name: str) -> object:
    """How many shards a node answers for."""
    return told(group, name, "serves")


def test_a_frame_for_another_nodes_shard_is_acknowledged_by_way_of_tls(group: ServingGroup) -> None:
    alpha = group.owner("alpha")
    open_gym(alpha)
    guest = enrol(alpha, "ada", 1)
    watch = Asking(alpha.url, guest.token)
    watch.put(f"/v1/sessions/{guest.open}", {"started_at_ms": guest.started_ms, "gym": GYM})
    before = told(group, "alpha", "forwarded")
    watch.put(f"/v1/sessions/{guest.open}/frames/{guest.watch}/0", guest.frame(guest.started_ms), 201)
    after = told(group, "alpha", "forwarded")
    assert isinstance(before, int)
    assert isinstance(after, int)
    assert after > before > 0
    assert serves(group, "alpha") == 0
    stored = {entity.rsplit("/", 1)[1]: count for entity, count in frames_in_journal(group.data).items()}
    assert stored == {guest.open: 1}


@pytest.mark.parametrize(
    ("who", "why"), [("plain text", "http request"), ("a foreign certificate", "its certificate is not one of ours")]
)
def test_a_stranger_at_the_channel_is_refused_and_named_without_a_stack_trace(
    group: ServingGroup, folder: Path, who: str, why: str
) -> None:
    address = str(told(group, "beta", "address"))
    if who == "plain text":
        name, said = plain(address)
    else:
        name, said = with_certificate(address, *certificates(folder, "foreign"))
    assert b"kinelog" not in said, "no challenge"
    wanted = re.compile(rf"WARNING .*refused on the channel: {re.escape(name)}: .*{why}")
    eventually(lambda: wanted.search(group.nodes["beta"].log) is not None, f"beta names {name}\n{group.logs()}")
    assert "Traceback" not in group.logs()


def plain(address: str) -> tuple[str, bytes]:
    """Speak without TLS: who we were, and what came back until the node hung up."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=ANSWER_S) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        return name_of(connection), until_hung_up(connection)


def with_certificate(address: str, authority: Path, issued: Path) -> tuple[str, bytes]:
    """Speak TLS with a certificate that somebody else signed, and take any."""
    host, _, port = address.rpartition(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(authority)
    context.verify_mode = ssl.CERT_NONE
    context.load_cert_chain(issued)
    with socket.create_connection((host, int(port)), timeout=ANSWER_S) as connection:
        name = name_of(connection)
        try:
            with context.wrap_socket(connection) as encrypted:
                return name, until_hung_up(encrypted)
        except (ssl.SSLError, ConnectionError):
            return name, b""


def name_of(connection: socket.socket) -> str:
    """As the other side sees it."""
    host, port = connection.getsockname()
    return f"{host}:{port}"


def until_hung_up(connection: socket.socket) -> bytes:
    """What comes until the other side closes."""
    said = b""
    try:
        while part := connection.recv(4096):
            said += part
    except (ssl.SSLError, ConnectionError):
        return said
    return said


async def test_a_webhook_is_sent_by_the_node_that_owns_the_tenant_alone_and_by_the_other_when_that_is_killed(
    group: ServingGroup,
) -> None:
    async with receiving() as receiver:
        await asyncio.to_thread(set_webhook, group.nodes["alpha"], group.owner_token, receiver.url)
        newest = await asyncio.to_thread(publish, group.data, range(2), None)
        await asyncio.to_thread(wait_until_delivered, group, 2)
        sent = [await asyncio.to_thread(sent_by, group, name) for name in NAMES]
        assert (receiver.taken, sent) == ([1, 2], [0, 2])
        group.nodes["beta"].kill()
        await asyncio.to_thread(publish, group.data, range(2, 4), newest)
        await asyncio.to_thread(wait_until_delivered, group, 4)
        assert await asyncio.to_thread(sent_by, group, "alpha") == 2
    assert receiver.taken == [1, 2, 3, 4], "in order, and none of the first again"
    assert all(message.signed for message in receiver.messages)


def wait_until_delivered(group: ServingGroup, count: int) -> None:
    """Until so many were taken and that was written down, as alpha shows it."""
    alpha = group.owner("alpha")

    def delivered() -> bool:
        shown = alpha.get("/v1/webhook")
        return shown.status == 200 and (shown.json["delivered"], shown.json["failed_attempts"]) == (count, 0)

    eventually(delivered, f"{count} are delivered\n{group.logs()}")


def sent_by(group: ServingGroup, name: str) -> int:
    """How many a node sent."""
    page = group.owner(name).get("/metrics").body.decode()
    found = re.search(r"^kinelog_webhooks_delivered_total (\d+)", page, re.MULTILINE)
    assert found is not None
    return int(found[1])
