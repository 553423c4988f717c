"""What `kinelog doctor` looks at in a cluster; the tables are looked at in `cassandra_table_checks`."""

from __future__ import annotations

import json
from collections.abc import Iterator

from kinelog.cassandra_session.connection import Access, Connection, Statement
from kinelog.journal.cassandra.journal import COMMIT_BYTES
from kinelog.service.cassandra_table_checks import examine_tables
from kinelog.service.cluster_settings import (
    Node,
    clock_difference_ms,
    in_bytes,
    mixed,
    nodes_of,
    settings_of,
    version_of,
)
from kinelog.service.configuration import Settings
from kinelog.service.findings import Finding, Verdict

OLDEST = (4, 1)
STATEMENT_BYTES = COMMIT_BYTES + (COMMIT_BYTES >> 2)
"""A commit of the largest size, with its directory and what the protocol adds."""
LEAST_BATCH_BYTES = 1 << 20
SKEW_MS = 500.0
CLUSTER = 3

_REPLICATION = Statement("SELECT keyspace_name, toJson(replication) FROM system_schema.keyspaces", Access.READ)
_SYNC = {
    "periodic": "acknowledged after it is in memory, on disk up to 10 s later: a quorum of servers killed at once "
    "loses up to 0.1 s, a power cut of them up to 10 s",
    "group": "acknowledged after it is on disk, several writes at a time",
    "batch": "acknowledged after it is on disk",
}

Told = dict[str, set[str]]
"""Settings with their values on all nodes."""


def examine_cluster(connection: Connection, settings: Settings) -> Iterator[Finding]:
    """All checks of a cluster and of the deployment in it, in order.

    Raises:
        CassandraError: The cluster does not answer, or not to this user.
    """
    nodes = nodes_of(connection)
    told = settings_of(connection, len(nodes))
    yield check_version(nodes)
    yield check_paxos(told)
    yield check_replication(connection, nodes)
    yield check_durability(told, len(nodes))
    yield check_sizes(told)
    yield check_guardrails(told)
    yield check_clocks(clock_difference_ms(connection, len(nodes)))
    yield from examine_tables(connection, settings)


def check_version(nodes: list[Node]) -> Finding:
    """Every node is new enough for the second version of Paxos."""
    versions = sorted({node.version for node in nodes})
    found = f"{len(nodes)} nodes, Cassandra {', '.join(versions)}"
    if any(version_of(version) < OLDEST for version in versions):
        return Finding("version", Verdict.ILL, found, "upgrade every node to Cassandra 4.1 or newer")
    if mixed(nodes):
        return Finding("version", Verdict.WARNING, found, "finish the upgrade: tables cannot be changed meanwhile")
    return Finding("version", Verdict.WELL, found)


def check_paxos(told: Told) -> Finding:
    """Commits cost two round trips less with the second version."""
    variants = told.get("paxos_variant", set())
    found = f"paxos_variant: {', '.join(sorted(variants)) or 'unknown'}"
    if not variants or any(not variant.startswith("v2") for variant in variants):
        advice = "set paxos_variant: v2 in cassandra.yaml of every node (all of them, before the first commit)"
        return Finding("paxos", Verdict.WARNING, found, advice)
    return Finding("paxos", Verdict.WELL, found)


def check_replication(connection: Connection, nodes: list[Node]) -> Finding:
    """Every keyspace has as many replicas as survive the loss of a node."""
    # No keyspace at all is for the check of the schema to report.
    of = {name: json.loads(str(text)) for name, text in connection.ask(_REPLICATION)}
    factors = {name: _factor(of[name], nodes[0].data_center) for name in connection.keyspaces if name in of}
    found = ", ".join(f"{name}: {factor}" for name, factor in factors.items()) or "no keyspaces"
    center = nodes[0].data_center
    in_center = sum(node.data_center == center for node in nodes)
    change = f"ALTER KEYSPACE … WITH replication = {{'class': 'NetworkTopologyStrategy', '{center}': 3}}"
    if any(factor == 0 for factor in factors.values()):
        return Finding("replication", Verdict.ILL, found, f"nothing is kept in data center {center}: {change}")
    if any(factor > in_center for factor in factors.values()):
        return Finding("replication", Verdict.ILL, found, f"there are {in_center} nodes in {center}: add nodes")
    if in_center >= CLUSTER and any(factor < CLUSTER for factor in factors.values()):
        advice = f"fewer than 3 copies: a node that is gone stops writes. {change}, then nodetool repair --full"
        return Finding("replication", Verdict.ILL, found, advice)
    if any(factor < CLUSTER for factor in factors.values()):
        advice = "no node may be gone, and a lost disk loses what was acknowledged: three nodes with 3 copies go on"
        return Finding("replication", Verdict.WARNING, found, advice)
    return Finding("replication", Verdict.WELL, found)


def _factor(replication: dict[str, str], center: str) -> int:
    if replication.get("class", "").endswith("SimpleStrategy"):
        return int(replication.get("replication_factor", "0"))
    return int(str(replication.get(center, "0")).partition("/")[0])


def check_durability(told: Told, nodes: int) -> Finding:
    """What an acknowledgement is worth when the power goes."""
    modes = told.get("commitlog_sync", set())
    found = "; ".join(f"commitlog_sync: {mode} ({_SYNC.get(mode, 'unknown')})" for mode in sorted(modes)) or "unknown"
    if "periodic" in modes and nodes < CLUSTER:
        advice = "set commitlog_sync: group and commitlog_sync_group_window: 10ms in cassandra.yaml"
        return Finding("durability", Verdict.WARNING, found, advice)
    return Finding("durability", Verdict.WELL, found)


def check_sizes(told: Told) -> Finding:
    """The nodes take a commit of the largest size."""
    limits = {
        "max_mutation_size": STATEMENT_BYTES,
        "native_transport_max_frame_size": STATEMENT_BYTES,
        "batch_size_fail_threshold": LEAST_BATCH_BYTES,
    }
    sizes = {name: min((in_bytes(text) or 0 for text in told.get(name, set())), default=0) for name in limits}
    found = ", ".join(f"{name}: {size >> 10} KiB" for name, size in sizes.items())
    small = [name for name, least in limits.items() if 0 < sizes[name] < least]
    if not small:
        return Finding("sizes", Verdict.WELL, f"{found}; a commit has at most {COMMIT_BYTES >> 10} KiB")
    advice = ", ".join(f"{name}: {limits[name] >> 10}KiB" for name in small)
    verdict = Verdict.WARNING if small == ["batch_size_fail_threshold"] else Verdict.ILL
    return Finding("sizes", verdict, found, f"set at least {advice} in cassandra.yaml (half of commitlog_segment_size)")


def check_guardrails(told: Told) -> Finding:
    """No guardrail forbids what the tables need."""
    needed = {
        "user_timestamps_enabled": "rows of views are written with positions of the log as timestamps",
        "zero_ttl_on_twcs_enabled": "the log is in time windows and nothing of it expires",
        "alter_table_enabled": "migrations change tables",
        "drop_truncate_table_enabled": "old generations of views are dropped",
    }
    wrong = [f"{name}: true ({why})" for name, why in needed.items() if "false" in told.get(name, set())]
    if told.get("minimum_timestamp_fail_threshold"):
        wrong.append("minimum_timestamp_fail_threshold unset (positions are small timestamps)")
    wrong += [
        f"{name} without LOCAL_QUORUM and LOCAL_SERIAL"
        for name in ("read_consistency_levels_disallowed", "write_consistency_levels_disallowed")
        if any(level in text for text in told.get(name, set()) for level in ("LOCAL_QUORUM", "LOCAL_SERIAL"))
    ]
    wrong += [
        f"{name}: at least {STATEMENT_BYTES >> 10}KiB, or unset"
        for name in ("column_value_size_fail_threshold", "partition_size_fail_threshold")
        if any((in_bytes(text) or STATEMENT_BYTES) < STATEMENT_BYTES for text in told.get(name, set()))
    ]
    if wrong:
        return Finding("guardrails", Verdict.ILL, "some forbid what is needed", f"set {'; '.join(wrong)}")
    return Finding("guardrails", Verdict.WELL, "none forbids what is needed")


def check_clocks(difference_ms: float) -> Finding:
    """Clocks agree. The fence does not depend on them; repairs, hints and what people read in logs do."""
    found = f"this machine and the nodes differ by {difference_ms:.0f} ms at most"
    if difference_ms > SKEW_MS:
        return Finding("clocks", Verdict.ILL, found, "run chrony or another NTP client here and on every node")
    return Finding("clocks", Verdict.WELL, found)
