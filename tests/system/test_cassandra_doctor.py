"""`kinelog doctor` on a cluster: each check finds what is wrong, and says what to do."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kinelog.cassandra_session.connection import Access, Connection, Statement
from kinelog.cassandra_session.driver_connection import connect
from kinelog.registry.cassandra.model_store import CassandraModelStore
from kinelog.registry.publishing import publish_model
from kinelog.service.cassandra_checks import (
    STATEMENT_BYTES,
    check_clocks,
    check_durability,
    check_guardrails,
    check_paxos,
    check_replication,
    check_sizes,
    check_version,
)
from kinelog.service.cassandra_table_checks import check_options, check_schema, check_shards, check_statics
from kinelog.service.cluster_settings import Node, clock_difference_ms, in_bytes, settings_of
from kinelog.service.configuration import DataFolder, Settings
from kinelog.service.findings import Finding, Verdict
from kinelog.service.model_checks import examine_models
from kinelog.service.schemas import SCHEMAS

from tests.cassandra.deployment import address_of, deployment
from tests.cassandra.shared_node import SharedNode
from tests.registry.made_publications import KEY, SCOPE, blob_of, draft
from tests.system.running_service import kinelog

pytestmark = pytest.mark.cassandra

SIZES = {
    "max_mutation_size": {"16384KiB"},
    "native_transport_max_frame_size": {"16MiB"},
    "batch_size_fail_threshold": {"16MiB"},
}


@pytest.fixture(scope="module")
def deployed(cassandra_node: SharedNode) -> Iterator[Connection]:
    prefix = f"t_doctor_{time.time_ns() % 10**9}"
    with deployment(address_of(cassandra_node.address, prefix), SCHEMAS) as connection:
        yield connection


def test_versions_before_the_second_paxos_are_ill_and_mixed_ones_a_warning() -> None:
    assert check_version([Node("a", "5.0.6")]).verdict is Verdict.WELL
    assert check_version([Node("a", "4.0.11")]).verdict is Verdict.ILL
    assert check_version([Node("a", "5.0.6"), Node("a", "4.1-beta1")]).verdict is Verdict.WARNING


@pytest.mark.parametrize("variants", [set(), {"v1"}, {"v2", "v1_without_linearizable_reads_or_rejected_writes"}])
def test_the_first_paxos_on_any_node_is_a_warning(variants: set[str]) -> None:
    assert check_paxos({"paxos_variant": {"v2"}}).verdict is Verdict.WELL
    finding = check_paxos({"paxos_variant": variants})
    assert finding.verdict is Verdict.WARNING
    assert "paxos_variant: v2" in finding.advice


def test_a_single_node_that_acknowledges_before_it_syncs_is_a_warning() -> None:
    assert check_durability({"commitlog_sync": {"periodic"}}, 1).verdict is Verdict.WARNING
    assert check_durability({"commitlog_sync": {"group"}}, 1).verdict is Verdict.WELL
    several = check_durability({"commitlog_sync": {"periodic"}}, 3)
    assert several.verdict is Verdict.WELL
    assert "power cut" in several.found


@pytest.mark.parametrize(
    ("name", "size", "verdict"),
    [
        ("max_mutation_size", "1MiB", Verdict.ILL),
        ("native_transport_max_frame_size", "2048KiB", Verdict.ILL),
        ("batch_size_fail_threshold", "50KiB", Verdict.WARNING),
    ],
)
def test_limits_below_a_commit_name_the_setting(name: str, size: str, verdict: Verdict) -> None:
    assert check_sizes(SIZES).verdict is Verdict.WELL
    finding = check_sizes(SIZES | {name: {"16MiB", size}})
    assert finding.verdict is verdict
    assert name in finding.advice


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("user_timestamps_enabled", "false"),
        ("zero_ttl_on_twcs_enabled", "false"),
        ("minimum_timestamp_fail_threshold", "1d"),
        ("write_consistency_levels_disallowed", "[LOCAL_QUORUM]"),
        ("column_value_size_fail_threshold", "1MiB"),
    ],
)
def test_a_guardrail_that_forbids_what_is_needed_is_named(name: str, value: str) -> None:
    assert check_guardrails({"column_value_size_fail_threshold": {f"{STATEMENT_BYTES}B"}}).verdict is Verdict.WELL
    finding = check_guardrails({name: {value}})
    assert finding.verdict is Verdict.ILL
    assert name in finding.advice


def test_sizes_are_read_as_cassandra_writes_them() -> None:
    assert [in_bytes(text) for text in ("16384KiB", "16MiB", "5", "-1", "5000ms")] == [1 << 24, 1 << 24, 5, None, None]


def test_clocks_that_differ_are_ill(deployed: Connection) -> None:
    assert clock_difference_ms(deployed, 1) < 500  # one and the same machine
    assert check_clocks(499.0).verdict is Verdict.WELL
    assert "NTP" in check_clocks(10_000.0).advice


def test_the_real_servers_settings_are_understood(deployed: Connection) -> None:
    told = settings_of(deployed, 1)
    assert check_paxos(told).verdict is Verdict.WELL
    assert check_sizes(told).verdict is Verdict.WELL
    assert check_guardrails(told).verdict is Verdict.WELL


def test_too_few_and_too_many_replicas_are_found(deployed: Connection) -> None:
    here = Node("datacenter1", "5.0.6")
    alone = check_replication(deployed, [here])
    assert alone.verdict is Verdict.WARNING
    assert "three nodes" in alone.advice
    assert check_replication(deployed, [here] * 3).verdict is Verdict.ILL
    assert check_replication(deployed, [Node("elsewhere", "5.0.6")]).verdict is Verdict.ILL


def test_the_number_of_shards_must_be_the_logs(deployed: Connection) -> None:
    assert check_shards(deployed, Settings(shards=8)).verdict is Verdict.WELL
    cql = "INSERT INTO {log}.meta (key, value) VALUES ('shards', '16') IF NOT EXISTS"
    deployed.conditional(Statement(cql, Access.CONDITIONAL), ())
    assert check_shards(deployed, Settings()).verdict is Verdict.WELL
    finding = check_shards(deployed, Settings(shards=8))
    assert finding.verdict is Verdict.ILL
    assert "16" in finding.advice


def test_a_fence_that_was_written_in_the_future_is_found(deployed: Connection) -> None:
    opened = "INSERT INTO {log}.log (shard, bucket, epoch, head) VALUES (?, 0, 1, 0) IF NOT EXISTS"
    for shard in (0, 1):
        deployed.conditional(Statement(opened, Access.CONDITIONAL), (shard,))
    assert check_statics(deployed).verdict is Verdict.WELL
    ahead = (time.time_ns() + 60_000_000_000) // 1_000
    cql = "UPDATE {log}.log USING TIMESTAMP ? SET head = 7 WHERE shard = 1 AND bucket = 0"
    deployed.ask(Statement(cql, Access.WRITE), (ahead,))
    finding = check_statics(deployed)
    assert finding.verdict is Verdict.ILL
    assert "1/0" in finding.advice
    assert check_statics(deployed, clock=lambda: time.time() + 61).verdict is Verdict.WELL, "the clocks have passed it"


def test_options_that_somebody_changed_are_found_with_the_way_back(deployed: Connection) -> None:
    assert check_schema(deployed).verdict is Verdict.WELL
    assert check_options(deployed).verdict is Verdict.WELL
    deployed.define("ALTER TABLE {keys}.people WITH gc_grace_seconds = 5")
    finding = check_options(deployed)
    assert finding.verdict is Verdict.WARNING
    assert "people WITH gc_grace_seconds = 3600" in finding.advice
    deployed.define("ALTER TABLE {log}.log WITH default_time_to_live = 86400")
    assert check_options(deployed).verdict is Verdict.ILL
    deployed.define("ALTER TABLE {keys}.people WITH gc_grace_seconds = 3600")
    deployed.define("ALTER TABLE {log}.log WITH default_time_to_live = 0")
    assert check_options(deployed).verdict is Verdict.WELL


def test_a_model_that_phones_would_refuse_is_named_on_a_cluster_too(
    deployed: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("KINELOG_MODEL_KEY", "KINELOG_MODEL_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    folder, store = DataFolder(tmp_path), CassandraModelStore(deployed)

    def found() -> dict[str, Finding]:
        return {each.check: each for each in examine_models(store, folder, signs_here=False)}

    assert found()["models"].verdict is Verdict.WELL
    first = publish_model(store, KEY, SCOPE, draft(), blob_of(1))
    publish_model(store, KEY, SCOPE, draft(), blob_of(2))
    assert list(found()) == ["models"], "what signs is on another machine"
    deployed.ask(Statement("UPDATE {models}.contents SET data = ? WHERE sha256 = ?", Access.WRITE), (b"0", first.blob))
    assert found()[f"model {SCOPE.path}"].verdict is Verdict.WARNING
    deployed.conditional(
        Statement(
            "DELETE FROM {models}.ledger WHERE registry = 'models' AND kind = 'version' AND name = ? AND version = 2"
            " IF EXISTS",
            Access.CONDITIONAL,
        ),
        (SCOPE.path,),
    )
    named = found()[f"model {SCOPE.path}"]
    assert (named.verdict, named.found[:25]) == (Verdict.ILL, "version 1: damaged blob: ")
    store.put_blob(blob_of(1))
    assert "version 2 is served, version 1 is the newest" in found()[f"model {SCOPE.path}"].found


def test_the_command_tells_machines_what_it_found_and_writes_nothing(cassandra_node: SharedNode) -> None:
    store = f"cassandra://{cassandra_node.contact_point}/nobody_made_this"
    done = kinelog("doctor", "--store", store, "--json")
    assert done.returncode == 70, done.stderr
    findings = {each["check"]: each for each in json.loads(done.stdout)["findings"]}
    assert findings["schema"]["verdict"] == "error"
    assert "kinelog schema apply" in findings["schema"]["advice"]
    assert findings["paxos"]["verdict"] == "ok"
    connection = connect(address_of(cassandra_node.address, "nobody_made_this"))
    assert check_schema(connection).verdict is Verdict.ILL, "the doctor made nothing"
    connection.close()
