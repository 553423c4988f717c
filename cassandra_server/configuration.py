"""What a node is configured with: `cassandra.yaml` (written as JSON, which is YAML) and `logback.xml`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

CommitlogSync = Literal["periodic", "group", "batch"]
LARGEST_COMMIT = "16MiB"
"""A commit of 8 MiB, with room for what Cassandra adds."""
LOGBACK = """<configuration>
  <appender name="FILE" class="ch.qos.logback.core.FileAppender">
    <file>{file}</file>
    <encoder><pattern>%-5level [%thread] %date{{ISO8601, UTC}} %logger{{0}} - %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="FILE"/></root>
</configuration>
"""


@dataclass(frozen=True)
class Tls:
    """Encryption between clients and the server; PEM files."""

    keystore: Path
    """The server's private key (PKCS 8, not encrypted) and its certificate chain, in one file."""
    truststore: Path | None = None
    """Given: clients must show a certificate that one of these authorities signed."""


@dataclass(frozen=True)
class Options:
    """What all nodes of a cluster have in common."""

    heap: str = "512M"
    """As Java writes it. Benchmarks need `2G`."""
    commitlog_sync: CommitlogSync = "periodic"
    authentication: bool = False
    """Passwords and permissions; the first user is `cassandra` with the password `cassandra`."""
    tls: Tls | None = None
    request_timeout_ms: int = 5000
    """How long a coordinator waits for replicas; short ones suit tests that stop nodes."""
    short_lived: bool = False
    """For a suite: compiled quickly and not well. A start takes less than half of the processor time."""
    schema_in_memory: bool = False
    """For a ring that is made to be harmed: a change of the schema is logged but not flushed, which spares each node a
    dozen files for every table. Before a node is killed, `CassandraNode.write_schema`."""
    forgetful: bool = False
    """For nodes that nobody kills: changes of the schema are neither flushed nor logged, so that making and dropping
    tables takes half of the time; a node that was killed has forgotten its tables."""


@dataclass(frozen=True)
class Address:
    """Where a node listens."""

    host: str
    port: int = 9042
    """For clients."""
    storage_port: int = 7000
    """For other nodes; the same on all nodes of a cluster."""
    jmx_port: int = 7199
    """For `nodetool`."""
    told_host: str | None = None
    """Where clients are told to connect, if something between them and the node listens for it there."""

    @property
    def contact_point(self) -> str:
        """`host:port`, as clients want it."""
        return f"{self.host}:{self.port}"

    @property
    def ports(self) -> tuple[int, ...]:
        """All that it listens on."""
        return self.port, self.storage_port, self.jmx_port


def write_configuration(folder: Path, address: Address, seeds: list[Address], options: Options) -> None:
    """Write the `conf` folder of a node; what was there is replaced."""
    conf = folder / "conf"
    conf.mkdir(parents=True, exist_ok=True)
    for name in ("data", "log"):
        (folder / name).mkdir(exist_ok=True)
    settings = _places(folder / "data") | _network(address, seeds) | _limits(options) | _durability(options)
    settings |= _security(options)
    (conf / "cassandra.yaml").write_text(json.dumps(settings, indent=2) + "\n")
    (conf / "logback.xml").write_text(LOGBACK.format(file=log_file(folder)))


def log_file(folder: Path) -> Path:
    """Where a node writes its log."""
    return folder / "log" / "system.log"


def _places(data: Path) -> dict[str, object]:
    return {
        "data_file_directories": [str(data / "tables")],
        "commitlog_directory": str(data / "commitlog"),
        "hints_directory": str(data / "hints"),
        "saved_caches_directory": str(data / "saved_caches"),
        "cdc_raw_directory": str(data / "cdc_raw"),
    }


def _network(address: Address, seeds: list[Address]) -> dict[str, object]:
    names = ",".join(f"{seed.host}:{seed.storage_port}" for seed in seeds)
    return {
        "cluster_name": "kinelog",
        "num_tokens": 8,
        "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner",
        "endpoint_snitch": "SimpleSnitch",  # its data centre is `datacenter1`
        "seed_provider": [
            {"class_name": "org.apache.cassandra.locator.SimpleSeedProvider", "parameters": [{"seeds": names}]}
        ],
        "auto_bootstrap": False,  # all nodes of a ring start at once, with no data to fetch from one another
        "listen_address": address.host,
        "storage_port": address.storage_port,
        "rpc_address": address.host,
        "native_transport_port": address.port,
        **({} if address.told_host is None else {"broadcast_rpc_address": address.told_host}),
    }


def _limits(options: Options) -> dict[str, object]:
    timeout = f"{options.request_timeout_ms}ms"
    return {
        "paxos_variant": "v2",
        "request_timeout": timeout,
        "read_request_timeout": timeout,
        "range_request_timeout": timeout,
        "write_request_timeout": timeout,
        "cas_contention_timeout": timeout,
        "batch_size_warn_threshold": LARGEST_COMMIT,
        "batch_size_fail_threshold": LARGEST_COMMIT,
        "native_transport_max_frame_size": LARGEST_COMMIT,
        "native_transport_max_request_data_in_flight": "128MiB",
        "native_transport_max_request_data_in_flight_per_ip": "128MiB",
        # Small, since several nodes share a machine with everything else.
        "memtable_heap_space": "64MiB",
        "memtable_offheap_space": "64MiB",
        "file_cache_size": "32MiB",
        "networking_cache_size": "32MiB",
        "key_cache_size": "16MiB",
        "counter_cache_size": "0MiB",
        "concurrent_compactors": 1,
        "auto_snapshot": False,
    }


def _durability(options: Options) -> dict[str, object]:
    settings: dict[str, object] = {
        "commitlog_sync": options.commitlog_sync,
        "commitlog_segment_size": "32MiB",  # the largest mutation is half a segment
        "commitlog_total_space": "256MiB",
    }
    if options.commitlog_sync == "periodic":
        settings["commitlog_sync_period"] = "10s"
    elif options.commitlog_sync == "group":
        settings["commitlog_sync_group_window"] = "10ms"
    return settings


def _security(options: Options) -> dict[str, object]:
    settings: dict[str, object] = {}
    if options.authentication:
        settings |= {
            "authenticator": "PasswordAuthenticator",
            "authorizer": "CassandraAuthorizer",
            "role_manager": "CassandraRoleManager",
            # What is granted and revoked holds at once.
            "roles_validity": "100ms",
            "permissions_validity": "100ms",
            "credentials_validity": "100ms",
        }
    if options.tls is not None:
        encryption: dict[str, object] = {
            "enabled": True,
            "optional": False,
            "ssl_context_factory": {"class_name": "org.apache.cassandra.security.PEMBasedSslContextFactory"},
            "keystore": str(options.tls.keystore),
            "require_client_auth": options.tls.truststore is not None,
        }
        if options.tls.truststore is not None:
            encryption["truststore"] = str(options.tls.truststore)
        settings["client_encryption_options"] = encryption
    return settings
