"""A deployment on a cluster, snapshotted, lost and put back as docs/operations.md says.

Nothing that was kept is lost, nobody who was erased comes back, and the lost timeline can write no more.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner
from kinelog.cassandra_session.address import CassandraAddress
from kinelog.cassandra_session.driver_connection import connect
from kinelog.cassandra_session.migrations import apply_schema
from kinelog.journal.errors import FencedError
from kinelog.registry.errors import StaleLeaseError
from kinelog.registry.scope import Scope
from kinelog.service.cli import main
from kinelog.service.configuration import DataFolder, Settings
from kinelog.service.opened_data import OpenedData, open_data
from kinelog.service.schemas import SCHEMAS

from tests.cassandra.cql import CqlSession
from tests.cassandra.shared_node import SharedNode
from tests.documents.documents import ROOT, block_behind
from tests.journal.contract import new_id
from tests.journal.copied_logs import log_of, make_data
from tests.journal.stored_events import person_in, snapshot, some
from tests.registry.made_publications import KEY, put

pytestmark = pytest.mark.cassandra

MASTER_KEY = "5e" * 32
MODEL = Scope("demo", "all", ("left-wrist",))
NOWHERE = "cassandra://192.0.2.1:9042/kinelog"
"""For commands that refuse before they ask a cluster anything: nobody answers at this address."""
OPERATIONS = ROOT / "docs" / "operations.md"
MODELS = ("contents", "ledger", "documents", "runs", "confirmations", "keys")
KEPT = (
    ("log", "log"),
    ("log", "meta"),
    ("keys", "people"),
    ("keys", "names"),
    ("keys", "meta"),
    *(("models", table) for table in MODELS),
)
"""What a snapshot is put back from: everything else is derived from the log, or must never be put back."""


@dataclass(frozen=True)
class Deployment:
    """A deployment in keyspaces of its own on the shared node."""

    node: SharedNode
    session: CqlSession
    prefix: str
    folder: Path

    @property
    def store(self) -> str:
        return str(CassandraAddress((self.node.address.host,), self.node.address.port, self.prefix))

    def open(self) -> OpenedData:
        return open_data(DataFolder(self.folder / "service"), Settings(store=self.store))

    def apply_schema(self) -> None:
        with closing(connect(CassandraAddress.parse(self.store))) as connection:
            apply_schema(connection, SCHEMAS)

    def wipe(self) -> None:
        self.session.drop_keyspaces(self.prefix)

    def back_up(self, into: Path) -> None:
        """The documented snapshot, and the files of the tables that are put back from it."""
        self.nodetool("snapshot", into)
        tables = self.node.log.parents[1] / "data" / "tables"
        for role, table in KEPT:
            (found,) = (tables / f"{self.prefix}_{role}").glob(f"{table}-*/snapshots/before")
            shutil.copytree(found, into / role / table)
        self.node.nodetool(
            "clearsnapshot", "-t", "before", *(f"{self.prefix}_{role}" for role in ("log", "keys", "models"))
        )

    def put_back(self, backup: Path) -> None:
        """As documented."""
        assert self.nodetool("put back", backup) == len(KEPT)

    def nodetool(self, name: str, backups: Path) -> int:
        """Run the commands of a block of docs/operations.md with these names; how many there are."""
        text = block_behind(OPERATIONS, name)
        text = text.replace("kinelog_", f"{self.prefix}_").replace("/backups", str(backups))
        commands = [line.split() for line in text.splitlines()]
        for command, *arguments in commands:
            assert command == "nodetool"
            self.node.nodetool(*arguments)
        return len(commands)

    def run(self, *arguments: str) -> dict[str, object]:
        done = CliRunner().invoke(main, [*arguments, "--store", self.store, "--json"])
        assert done.exit_code == 0, done.output
        result: dict[str, object] = json.loads(done.output.splitlines()[-1])
        return result


@pytest.fixture
def deployment(
    cassandra_node: SharedNode, cassandra_session: CqlSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Deployment]:
    """A copy of a data folder, and a published model."""
    monkeypatch.setenv("KINELOG_MASTER_KEY", MASTER_KEY)
    made = Deployment(cassandra_node, cassandra_session, f"t_restore_{secrets.token_hex(4)}", tmp_path)
    made.apply_schema()
    source = make_data(tmp_path / "data", 60)
    copied = CliRunner().invoke(main, ["journal", "copy", "--from", f"sqlite:{source}", "--to", made.store])
    assert copied.exit_code == 0, copied.output
    with closing(made.open()) as opened:
        models = opened.model_store()
        put(models, MODEL, seed=1)
        models.save_run("night", b"record")
        models.use_confirmation(MODEL, "set", "night")
        models.add_key(KEY.public)
    yield made
    made.wipe()


def test_a_snapshot_that_is_put_back_is_the_log_of_then_without_the_erased_and_the_lost_timeline_is_fenced_off(
    deployment: Deployment, tmp_path: Path
) -> None:
    backup, list_of_erasures = tmp_path / "backup", tmp_path / "safe" / "erasures.log"
    list_of_erasures.parent.mkdir()
    with closing(deployment.open()) as lost:
        entity = person_in(0, 4, 60).persistence_id
        lost.journal.save_snapshot(snapshot(entity, 1))
        then = log_of(lost.journal)
        ada, ben = lost.keys.enrol("demo", "ada"), lost.keys.enrol("demo", "ben")
        deployment.back_up(backup)
        # What is lost: more events under higher epochs, and an erasure that must hold all the same.
        owner = [lost.journal.acquire(0, "lost") for _ in range(5)][-1]
        head = lost.journal.commit(0, owner.epoch, owner.head, new_id(), some(entity, 3))
        lost.keys.forget("demo", ada)
        assert deployment.run("backup", "--erasures-to", str(list_of_erasures)) == {"erasures": 1}
        deployment.wipe()
        deployment.apply_schema()
        deployment.put_back(backup)
        restored = deployment.run("journal", "restored", "--erasures", str(list_of_erasures))
        assert restored["erased_again"] == 1
        assert restored["incarnation"] != lost.journal.incarnation
        with pytest.raises(FencedError):
            lost.journal.commit(0, owner.epoch, head, new_id(), some(entity, 1, after=3))
        with pytest.raises(FencedError):
            lost.journal.commit(0, owner.epoch, owner.head, new_id(), some(entity, 1))
        assert not lost.journal.owns(0, owner.epoch)
    assert deployment.run("journal", "verify")["findings"] == []
    with closing(deployment.open()) as found:
        assert found.journal.incarnation == restored["incarnation"]
        assert log_of(found.journal) == then
        assert found.journal.snapshots(entity) == []
        assert found.keys.is_erased("demo", ada)
        assert found.keys.pseudonym("demo", "ada") is None
        assert found.keys.pseudonym("demo", "ben") == ben
        fresh = found.journal.acquire(0, "new")
        assert fresh.epoch > owner.epoch
        assert found.journal.commit(0, fresh.epoch, fresh.head, new_id(), some(entity, 1)) == fresh.head + 1
        assert [one.event.sequence for one in found.journal.replay(entity)] == [1]
    deployment.run("project", "--once")
    assert deployment.run("journal", "verify")["findings"] == []
    again = deployment.run("journal", "restored", "--erasures-kept")
    assert again["incarnation"] != restored["incarnation"]


def test_models_that_are_put_back_go_on_above_every_version_that_a_phone_can_have_seen(
    deployment: Deployment, tmp_path: Path
) -> None:
    backup = tmp_path / "backup"
    with closing(deployment.open()) as lost:
        models = lost.model_store()
        first = models.champion(MODEL)
        deployment.back_up(backup)
        seen = put(models, MODEL, seed=2, after=first)
        lease = models.acquire_lease("fit", "lost", 60)
        deployment.wipe()
        deployment.apply_schema()
        deployment.put_back(backup)
        deployment.run("journal", "restored", "--nobody-was-erased")
        assert deployment.run("model", "restored") == {"begun_anew": True}
        assert deployment.run("model", "verify") == {"versions": 1, "faults": []}
        with pytest.raises(StaleLeaseError):
            put(models, MODEL, seed=3, after=first, lease=lease)
    with closing(deployment.open()) as found:
        models = found.model_store()
        assert models.champion(MODEL) == first
        assert models.next_version(MODEL) > seen.version
        assert models.acquire_lease("fit", "new", 60).token > lease.token
        assert (models.run("night"), models.confirmation_uses(MODEL, "set")) == (b"record", 1)
        assert models.keys() == [KEY.public]


def test_whoever_does_not_say_where_the_erasures_are_restores_nothing() -> None:
    for options in ([], ["--erasures-kept", "--nobody-was-erased"]):
        done = CliRunner().invoke(main, ["journal", "restored", "--store", NOWHERE, *options])
        assert (done.exit_code, "--nobody-was-erased" in done.output) == (64, True)
    embedded = CliRunner().invoke(main, ["journal", "restored", "--nobody-was-erased"])
    assert (embedded.exit_code, "kinelog restore" in embedded.output) == (64, True)


def test_backup_and_restore_of_folders_refuse_a_cluster_and_say_what_to_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = ["backup", "--store", NOWHERE, "--to", str(tmp_path / "logs"), "--without-keys"]
    refused = CliRunner().invoke(main, backup)
    assert (refused.exit_code, "nodetool snapshot" in refused.output) == (64, True)
    monkeypatch.setenv("KINELOG_STORE", NOWHERE)
    restore = ["restore", "--log", str(tmp_path), "--to", str(tmp_path / "again"), "--nobody-was-erased"]
    refused = CliRunner().invoke(main, restore)
    assert (refused.exit_code, "kinelog journal restored" in refused.output) == (64, True)


def test_a_folder_is_the_other_way_to_keep_a_copy_and_it_goes_back_into_an_empty_deployment(
    deployment: Deployment, tmp_path: Path
) -> None:
    kept = f"sqlite:{tmp_path / 'kept'}"
    with closing(deployment.open()) as running:
        then = log_of(running.journal)
        part = deployment_copy(deployment.store, kept, "--while-running")
        assert not part["complete"]
        assert part["events"] == sum(len(shard) for shard in then)
    whole = deployment_copy(deployment.store, kept)
    deployment.wipe()
    deployment.apply_schema()
    back = deployment_copy(kept, deployment.store)
    assert (whole["complete"], back["complete"], back["chains"]) == (True, True, whole["chains"])
    with closing(deployment.open()) as again:
        assert log_of(again.journal) == then
        assert again.keys.pseudonym("demo", "ben") is not None
    assert deployment.run("journal", "verify")["findings"] == []


def deployment_copy(source: str, destination: str, *options: str) -> dict[str, object]:
    done = CliRunner().invoke(main, ["journal", "copy", "--from", source, "--to", destination, "--json", *options])
    assert done.exit_code == 0, done.output
    result: dict[str, object] = json.loads(done.output.splitlines()[-1])
    return result
