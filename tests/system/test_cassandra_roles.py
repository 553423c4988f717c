"""Least rights: with `deploy/cassandra/roles.cql` each role can do its work, and nothing beside it."""

from __future__ import annotations

import os
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template

import pytest
from kinelog.cassandra_session.address import Credentials
from kinelog.cassandra_session.connection import Connection
from kinelog.cassandra_session.driver_connection import connect
from kinelog.cassandra_session.errors import CassandraError, RefusedStatementError, UnreachableError
from kinelog.registry.manifest import draft_bytes

from cassandra_server.addresses import free_addresses
from cassandra_server.cluster import CassandraCluster
from cassandra_server.configuration import Address, Options, Tls
from tests.cassandra.certificates import Authority
from tests.cassandra.cql import open_session
from tests.cassandra.deployment import address_of
from tests.registry.made_publications import blob_of, draft
from tests.system.running_service import kinelog

pytestmark = [pytest.mark.cassandra]

SCRIPTS = Path(__file__).resolve().parents[2] / "deploy" / "cassandra"
ADMINISTRATOR = ("cassandra", "cassandra")
PREFIX = "gyms"
PASSWORDS = {part: f"{part}-{os.urandom(8).hex()}" for part in ("service", "projections", "fit", "schema")}
MASTER_KEY = os.urandom(32).hex()


@dataclass(frozen=True)
class Secured:
    """A server that wants passwords and encryption."""

    address: Address
    ca: Path
    folder: Path

    @property
    def trusting(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.ca))
        context.check_hostname = False  # of the plain driver, which does not ask for one
        return context

    def store(self, user: str) -> str:
        return f"cassandra://{PREFIX}_{user}@{self.address.contact_point}/{PREFIX}?dc=datacenter1&replication=1"

    def variables(self, user: str, **others: str) -> dict[str, str]:
        return {
            "KINELOG_STORE": self.store(user),
            "KINELOG_CASSANDRA_CA": str(self.ca),
            "KINELOG_CASSANDRA_PASSWORD": PASSWORDS[user],
            "KINELOG_MASTER_KEY": MASTER_KEY,
        } | others

    @contextmanager
    def connected(self, user: str) -> Iterator[Connection]:
        address = address_of(self.address, PREFIX, user=f"{PREFIX}_{user}")
        connection = connect(address, Credentials(PASSWORDS[user], self.ca))
        try:
            yield connection
        finally:
            connection.close()


def run_script(secured: Secured, name: str) -> None:
    """What `envsubst < NAME | cqlsh` does."""
    values = {"PREFIX": PREFIX, "DATA_CENTER": "datacenter1", "REPLICATION": "1"}
    values |= {f"{part.upper()}_PASSWORD": password for part, password in PASSWORDS.items()}
    text = re.sub(r"--.*", "", (SCRIPTS / name).read_text())
    with open_session(secured.address, ADMINISTRATOR, secured.trusting) as session:
        for statement in filter(str.strip, Template(text).substitute(values).split(";")):
            session.rows(statement)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """The server, with roles, and with the tables that the role for tables made."""
    folder = tmp_path_factory.mktemp("roles")
    addresses = free_addresses(1)
    authority = Authority()
    ca = authority.certificate(folder / "authority.pem")
    options = Options(
        short_lived=True, authentication=True, tls=Tls(authority.issue(folder / "server.pem", addresses[0].host))
    )
    with CassandraCluster(folder / "server", options=options, addresses=addresses) as cluster:
        made = Secured(cluster.nodes[0].address, ca, folder)
        run_script(made, "roles.cql")
        applied = kinelog("schema", "apply", **made.variables("schema"))
        assert applied.returncode == 0, applied.stdout + applied.stderr
        run_script(made, "table_roles.cql")
        run_script(made, "roles.cql")  # again: it may be repeated
        yield made


def model_files(folder: Path) -> tuple[str, str, str, str]:
    (folder / "model.bin").write_bytes(blob_of())
    (folder / "draft.json").write_bytes(draft_bytes(draft()))
    return "--blob", str(folder / "model.bin"), "--draft", str(folder / "draft.json")


def run(secured: Secured, user: str, *words: str, **others: str) -> tuple[int, str]:
    done = kinelog(*words, "--data", str(secured.folder / user), **secured.variables(user, **others))
    return done.returncode, done.stdout + done.stderr


def test_each_role_can_do_its_work_and_the_doctor_finds_it_well(secured: Secured) -> None:
    for words in (["tenant", "create", "iron-works"], ["token", "create", "--tenant", "iron-works"]):
        code, printed = run(secured, "service", *words)
        assert code == 0, printed
    code, printed = run(secured, "projections", "project", "--once", "--json")
    assert code == 0, printed
    folded = re.search(r'"events": (\d+)', printed)
    assert folded is not None, printed
    assert int(folded[1]) > 0
    files = model_files(secured.folder)
    code, printed = run(secured, "fit", "model", "publish", "iron-works/all/left-wrist", *files)
    assert code == 0, printed
    for user in ("fit", "service"):
        code, printed = run(secured, user, "model", "verify")
        assert (code, "1 versions of 1 scopes checked, 0 of them wrong" in printed) == (0, True), printed
    for words in (["schema", "status"], ["doctor"]):
        code, printed = run(secured, "schema", *words)
        assert code == 0, printed


FORBIDDEN = {
    "service": [
        "DROP TABLE {log}.log",
        "ALTER TABLE {log}.log WITH gc_grace_seconds = 1",
        "CREATE TABLE {log}.mine (key text PRIMARY KEY)",
        "DROP TABLE {keys}.people",
        "CREATE TABLE {views}.mine (key text PRIMARY KEY)",
        "TRUNCATE {views}.offsets",
        "INSERT INTO {views}.registry (name, revision) VALUES ('x', 1)",
        "CREATE ROLE mine",
        "GRANT MODIFY ON KEYSPACE {views} TO gyms_service",
        "INSERT INTO {models}.contents (sha256) VALUES ('00')",
        "DELETE FROM {models}.ledger WHERE registry = 'models'",
    ],
    "fit": [
        "INSERT INTO {log}.log (shard, bucket, epoch) VALUES (0, 0, 9) IF NOT EXISTS",
        "INSERT INTO {keys}.erasures (block, number) VALUES (0, 1)",
        "TRUNCATE {views}.offsets",
        "DROP TABLE {models}.ledger",
        "CREATE TABLE {models}.mine (key text PRIMARY KEY)",
    ],
    "projections": [
        "INSERT INTO {log}.log (shard, bucket, epoch) VALUES (0, 0, 9) IF NOT EXISTS",
        "UPDATE {log}.log SET epoch = 9 WHERE shard = 0 AND bucket = 0 IF epoch = 1",
        "DELETE FROM {log}.log WHERE shard = 0 AND bucket = 0",
        "TRUNCATE {log}.log",
        "INSERT INTO {log}.meta (key, value) VALUES ('shards', '1')",
        "INSERT INTO {log}.snapshots (incarnation, entity, sequence) VALUES ('x', 'x', 1)",
        "DROP TABLE {log}.entity_events",
        "INSERT INTO {keys}.erasures (block, number) VALUES (0, 1)",
        "DELETE FROM {keys}.people WHERE tenant = 'iron-works' AND pseudonym = '@'",
        "TRUNCATE {keys}.names",
        "CREATE TABLE {log}.mine (key text PRIMARY KEY)",
        "DROP KEYSPACE {log}",
        "SELECT * FROM {models}.ledger",
        "INSERT INTO {models}.contents (sha256) VALUES ('00')",
    ],
    "schema": [
        "CREATE KEYSPACE mine WITH replication = {'class': 'NetworkTopologyStrategy', 'datacenter1': 1}",
        "CREATE ROLE mine",
        "ALTER ROLE gyms_service WITH PASSWORD = 'mine'",
        "GRANT SELECT ON ALL KEYSPACES TO gyms_schema",
        "SELECT * FROM system_auth.roles",
    ],
}


@pytest.mark.parametrize(("user", "statement"), [(user, each) for user, list_ in FORBIDDEN.items() for each in list_])
def test_no_role_can_do_more_than_its_work(secured: Secured, user: str, statement: str) -> None:
    with secured.connected(user) as connection, pytest.raises(RefusedStatementError, match="Unauthorized"):
        connection.define(statement)


def test_a_role_of_one_deployment_reads_nothing_of_another(secured: Secured) -> None:
    with open_session(secured.address, ADMINISTRATOR, secured.trusting) as session:
        session.rows(
            "CREATE KEYSPACE other_log WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"
        )
        session.rows("CREATE TABLE other_log.log (shard int PRIMARY KEY)")
    for user in PASSWORDS:
        with secured.connected(user) as connection, pytest.raises(RefusedStatementError, match="SELECT permission"):
            connection.define("SELECT * FROM other_log.log")


# ── who is not let in ────────────────────────────────────────────────────────────────────────────────────────────


def refused(secured: Secured, *words: str, user: str = "service", **others: str) -> str:
    code, printed = run(secured, user, *(words or ("schema", "status")), **others)
    assert code == 69, printed
    assert "Traceback" not in printed
    assert PASSWORDS[user] not in printed
    return printed


def test_a_wrong_password_is_refused_and_repeated_nowhere(secured: Secured) -> None:
    for words in (["schema", "status", "--json"], ["doctor", "--json"], ["serve", "--port", "0"], ["project"]):
        printed = refused(secured, *words, KINELOG_CASSANDRA_PASSWORD="hunter2-is-wrong")
        assert "hunter2" not in printed
        assert "KINELOG_CASSANDRA_PASSWORD" in printed, printed


def test_a_password_can_stand_in_a_file(secured: Secured) -> None:
    file = secured.folder / "password"
    file.write_text(PASSWORDS["service"] + "\n")
    variables = secured.variables("service", KINELOG_CASSANDRA_PASSWORD_FILE=str(file))
    del variables["KINELOG_CASSANDRA_PASSWORD"]
    done = kinelog("schema", "status", "--data", str(secured.folder), **variables)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_user_at_all_is_refused(secured: Secured) -> None:
    store = f"cassandra://{secured.address.contact_point}/{PREFIX}"
    assert "name a user in the store's address" in refused(secured, KINELOG_STORE=store)


def test_a_connection_without_encryption_is_refused(secured: Secured) -> None:
    address = address_of(secured.address, PREFIX, user="gyms_service")
    with pytest.raises(UnreachableError, match="cassandra_ca") as raised:
        connect(address, Credentials(PASSWORDS["service"]))
    assert PASSWORDS["service"] not in str(raised.value)


def test_a_server_that_another_authority_signed_is_refused(secured: Secured) -> None:
    other = Authority().certificate(secured.folder / "other.pem")
    printed = refused(secured, KINELOG_CASSANDRA_CA=str(other))
    assert "certificate verify failed" in printed
    assert "cassandra_ca must hold the authority" in printed


def test_a_server_under_another_name_than_its_certificate_says_is_refused(secured: Secured) -> None:
    with forwarded(secured.address) as elsewhere:
        store = f"cassandra://gyms_service@{elsewhere}/{PREFIX}"
        printed = refused(secured, KINELOG_STORE=store)
    assert "certificate verify failed" in printed
    assert "IP address mismatch" in printed


def test_nothing_that_holds_a_password_shows_it(secured: Secured) -> None:
    credentials = Credentials(PASSWORDS["service"], secured.ca)
    with secured.connected("service") as connection:
        with pytest.raises(CassandraError) as raised:
            connection.define("SELECT * FROM system_auth.roles")
        shown = f"{credentials!r} {credentials} {connection!r} {vars(connection)!r} {raised.value!r}"
    assert PASSWORDS["service"] not in shown


@contextmanager
def forwarded(to: Address) -> Iterator[str]:
    """Another address that leads to the server: who connects there speaks to somebody of another name."""
    listening = socket.create_server(("127.111.0.1", 0))

    def copy(source: socket.socket, target: socket.socket) -> None:
        with source, target:
            while piece := source.recv(65_536):
                target.sendall(piece)

    def serve() -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return  # closed: the test is over
            server = socket.create_connection((to.host, to.port))
            for pair in ((client, server), (server.dup(), client.dup())):
                threading.Thread(target=lambda ends=pair: suppressed(copy, *ends), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    host, port = listening.getsockname()
    yield f"{host}:{port}"
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join()


def suppressed(copy: object, source: socket.socket, target: socket.socket) -> None:
    """One side hung up: that is what the test is about."""
    assert callable(copy)
    try:
        copy(source, target)
    except OSError:
        return
