"""A data folder copied into a real cluster and back is the same data folder, by the command that people type."""

from __future__ import annotations

import json
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from kinelog.cassandra_session.address import CassandraAddress
from kinelog.cassandra_session.driver_connection import connect
from kinelog.cassandra_session.migrations import apply_schema
from kinelog.journal.cassandra.copy_marks import CassandraCopyMarks
from kinelog.journal.copy_mark import CopyMark, CopyRefusedError
from kinelog.journal.sqlite_journal import SqliteJournal
from kinelog.privacy.key_store import KeyStore
from kinelog.service.commands.journal import command
from kinelog.service.configuration import DataFolder, Settings
from kinelog.service.errors import UnavailableServiceError
from kinelog.service.opened_data import open_data
from kinelog.service.schemas import SCHEMAS
from msgspec.structs import replace

from tests.cassandra.cql import CqlSession
from tests.cassandra.shared_node import SharedNode
from tests.journal.copied_logs import KILLING, commits_in, compared, heads, log_of, make_data

pytestmark = pytest.mark.cassandra


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return make_data(tmp_path / "data", 120)


@pytest.fixture
def store(cassandra_node: SharedNode, cassandra_session: CqlSession) -> Iterator[str]:
    """The address of a deployment whose tables were made."""
    prefix = f"t_copy_{secrets.token_hex(4)}"
    address = CassandraAddress((cassandra_node.address.host,), cassandra_node.address.port, prefix)
    with closing(connect(address)) as connection:
        apply_schema(connection, SCHEMAS)
    yield str(address)
    cassandra_session.drop_keyspaces(prefix)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


def copy(source: str, destination: str, *options: str) -> dict[str, object]:
    done = run("copy", "--from", source, "--to", destination, "--json", *options)
    assert done.exit_code == 0, done.output
    result: dict[str, object] = json.loads(done.output.splitlines()[-1])
    return result


def test_into_a_cluster_and_back_nothing_is_lost_and_everything_is_sound(
    data: Path, tmp_path: Path, store: str
) -> None:
    there = copy(f"sqlite:{data}", store)
    assert (there["complete"], there["shards"], there["people"]) == (True, 4, 2)
    verified = run("verify", "--store", store, "--json")
    assert (verified.exit_code, json.loads(verified.output)["events"]) == (0, there["events"])
    back = copy(store, f"sqlite:{tmp_path / 'back'}", "--data", str(data))  # where the master key is
    assert back["chains"] == there["chains"]
    shutil.copy(data / "keys" / "master.key", tmp_path / "back" / "keys")
    one, other = (SqliteJournal(folder / "log" / "journal.db") for folder in (data, tmp_path / "back"))
    assert log_of(one) == log_of(other)
    assert commits_in(one) == commits_in(other)
    assert len({one.incarnation, other.incarnation, there["destination"]}) == 3
    one.close()
    other.close()
    with closing(KeyStore.open(data / "keys")) as keys, closing(KeyStore.open(tmp_path / "back" / "keys")) as again:
        assert keys.people() == again.people()
        assert keys.pseudonym("demo", "ada") == again.pseudonym("demo", "ada")


def test_resharded_on_the_way_it_has_the_same_chains_and_the_erased_stay_erased(
    data: Path, tmp_path: Path, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KINELOG_MASTER_KEY", (data / "keys" / "master.key").read_text())
    part = copy(f"sqlite:{data}", store, "--shards", "6", "--while-running")
    assert (part["complete"], part["shards"]) == (False, 6)
    with pytest.raises(UnavailableServiceError, match="unfinished copy"):
        open_data(DataFolder(tmp_path / "service"), Settings(store=store))
    with closing(KeyStore.open(data / "keys")) as keys:
        ada = keys.enrol("demo", "ada")
        keys.forget("demo", ada)
    whole = copy(f"sqlite:{data}", store)
    assert (whole["complete"], whole["erased"], whole["chains"]) == (True, 1, part["chains"])
    with closing(open_data(DataFolder(tmp_path / "service"), Settings(store=store))) as opened:
        assert opened.keys.is_erased("demo", ada)
        assert opened.keys.pseudonym("demo", "ada") is None
        assert opened.keys.pseudonym("demo", "ben") is not None
    back = copy(store, f"sqlite:{tmp_path / 'back'}", "--shards", "4")
    assert back["chains"] == whole["chains"]


def test_killed_at_random_moments_it_ends_in_the_same_log(data: Path, store: str) -> None:
    arguments = ["copy", "--from", f"sqlite:{data}", "--to", store]
    codes = []
    for commits, pause in ((9, 0.0), (25, 0.002), (40, 0.001), (-1, 0.0)):
        program = [sys.executable, "-c", KILLING, "cassandra", str(commits), str(pause), *arguments]
        codes.append(subprocess.run(program, check=False).returncode)
    assert codes == [-signal.SIGKILL] * 3 + [0]
    address = CassandraAddress.parse(store)
    source = SqliteJournal(data / "log" / "journal.db")
    with closing(connect(address)) as connection:
        mark = CassandraCopyMarks(connection).read()
        assert mark is not None
        assert mark.complete
    with closing(open_data(DataFolder(data), Settings(store=store))) as opened:
        assert log_of(opened.journal) == log_of(source)
        assert (compared(source, opened.journal).differing, heads(opened.journal)) == (0, heads(source))
    source.close()
    assert run("verify", "--store", store).exit_code == 0


def test_a_cluster_without_tables_or_without_a_log_is_refused_with_what_to_do(
    data: Path, tmp_path: Path, store: str, cassandra_node: SharedNode
) -> None:
    bare = str(CassandraAddress((cassandra_node.address.host,), cassandra_node.address.port, "t_copy_bare"))
    refused = run("copy", "--from", f"sqlite:{data}", "--to", bare)
    assert (refused.exit_code, "kinelog schema apply" in refused.output) == (69, True)
    shutil.copytree(data / "keys", tmp_path / "new" / "keys")
    empty = run("copy", "--from", store, "--to", f"sqlite:{tmp_path / 'new'}")
    assert (empty.exit_code, "there is no log" in empty.output) == (69, True)
    assert run("verify", "--store", store).exit_code == 69


def test_a_mark_is_replaced_only_by_who_knows_it(store: str) -> None:
    first = CopyMark(source="a", shards=1, begun=(0,), until=(5,), heads=(0,))
    with closing(connect(CassandraAddress.parse(store))) as connection:
        marks = CassandraCopyMarks(connection)
        assert marks.read() is None
        marks.replace(None, first)
        with pytest.raises(CopyRefusedError):
            marks.replace(None, replace(first, until=(6,)))
        ended = replace(first, ended=(5,))
        marks.replace(first, ended)
        marks.replace(first, ended)  # as after an unknown outcome: it stands there already
        assert marks.read() == ended
