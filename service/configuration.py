"""What can be configured, where it comes from, and where things lie in a data folder.

Order of precedence: command line, environment (`KINELOG_…`), `kinelog.toml` in the data folder, the defaults here.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from kinelog.cassandra_session.address import CassandraAddress, Credentials
from kinelog.cassandra_session.errors import AddressError
from kinelog.domain.limits import Limits
from kinelog.observability.json_logs import LogFormat
from kinelog.service.errors import ConfigurationError
from kinelog.service.group_address import node_name, reached_at, zookeeper_address

PREFIX = "KINELOG_"
MASTER_KEY_VARIABLE = "KINELOG_MASTER_KEY"
MODEL_KEY_VARIABLE = "KINELOG_MODEL_KEY"
MODEL_KEY_FILE_VARIABLE = "KINELOG_MODEL_KEY_FILE"
PASSWORD_VARIABLE = "KINELOG_CASSANDRA_PASSWORD"  # noqa: S105  # the name of the variable, not what is in it
PASSWORD_FILE_VARIABLE = "KINELOG_CASSANDRA_PASSWORD_FILE"  # noqa: S105  # as above

CLUSTER_FILES = ("cluster_ca", "cluster_certificate", "cluster_key")

EMBEDDED = "sqlite"
"""The store that needs nothing but the data folder."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of a service process.

    Attributes:
        host: Address to listen on.
        port: Port to listen on; 0 lets the system choose.
        store: Where log, keys and views lie: `sqlite` (in the data folder) or the address of a Cassandra cluster,
            `cassandra://[user@]host[:port][,host]/name?dc=…&replication=3`.
        cassandra_ca: File of the certificates that a node's own must be signed by; given, everything is encrypted.
        cassandra_certificate: File of a certificate to show to the cluster.
        cassandra_key: File of its private key.
        shards: Shards of a *new* log (4 in a folder, 8 on a cluster if not given); an existing one must have as many,
            if given.
        mailbox: Commands that may wait in front of one shard before callers are told to come back (429).
        resident: Sessions and users kept in memory, over all shards.
        idle_s: An entity that nobody asked for this long leaves memory.
        recoveries: Entities that may be recovered at the same time.
        body_bytes: Largest body of a batch of frames, as sent.
        decompressed_bytes: The same, decompressed.
        body_timeout_s: How long a request's body may take to arrive.
        connections: Connections that may be open at the same time; more are answered 503 and closed.
        connections_per_address: The same from one address (IPv6: one /64); not for behind a proxy. None for no bound.
        headers_s: How long the headers of a request may take to arrive.
        keepalive_s: How long a connection may be idle before it is closed.
        drain_s: How long a stop waits for what is in flight.
        switch_interval_s: How often threads take turns; a shard's thread waits at most this long for the event loop.
        log_level: Of the process's own log on standard error.
        log_format: `text` for people, `json` for machines.
        access_log: Whether each request is a line of the log.
        otlp_endpoint: Base URL of an OpenTelemetry collector that traces go to; None for no traces.
        trace_ratio: Share of the traces that are kept.
        worker_metrics_port: Where a projection worker of its own shows its figures, on `host`; None for nowhere.
        zookeeper: Where the group of nodes is found, `host:port[,host:port][/root]`; None serves alone.
        node: Name of this node in the group; this machine's by default.
        advertise: Host, or `host:port`, at which the other nodes reach this one; `internal_host` by default.
        internal_host: Address on which to listen for other nodes; `host` by default.
        internal_port: Port on which to listen for other nodes; 0 lets the system choose.
        weight: Share of the shards, against the other nodes' weights.
        session_s: A node that was not heard of for so long has lost its shards.
        handover_s: How long a node that is to have a shard waits for who has it to let it go.
        store_away_s: A node of a group that did not reach the log for so long gives its shards to others that do.
        cluster_ca: File of the certificates that sign nodes' own; given, what nodes say to each other is encrypted.
        cluster_certificate: File of the certificate that this node shows to others.
        cluster_key: File of its private key.
        webhook_loopback: Whether webhooks may call this machine, by http too: for development.
        webhook_private: Whether webhooks may call addresses of private networks, by https.
        limits: Bounds of the domain.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    store: str = EMBEDDED
    cassandra_ca: Path | None = None
    cassandra_certificate: Path | None = None
    cassandra_key: Path | None = None
    shards: int | None = None
    mailbox: int = 4096
    resident: int = 200_000
    idle_s: float = 120.0
    recoveries: int = 50
    body_bytes: int = 8 * 1024 * 1024
    decompressed_bytes: int = 16 * 1024 * 1024
    body_timeout_s: float = 20.0
    connections: int = 4_096
    connections_per_address: int | None = None
    headers_s: float = 20.0
    keepalive_s: float = 75.0
    drain_s: float = 8.0
    switch_interval_s: float = 0.005
    log_level: str = "INFO"
    log_format: LogFormat = "text"
    access_log: bool = False
    otlp_endpoint: str | None = None
    trace_ratio: float = 0.01
    worker_metrics_port: int | None = None
    zookeeper: str | None = None
    node: str | None = None
    advertise: str | None = None
    internal_host: str | None = None
    internal_port: int = 0
    weight: float = 1.0
    session_s: float = 10.0
    handover_s: float = 2.0
    store_away_s: float = 15.0
    cluster_ca: Path | None = None
    cluster_certificate: Path | None = None
    cluster_key: Path | None = None
    webhook_loopback: bool = False
    webhook_private: bool = False
    limits: Limits = Limits()


class DataFolder(msgspec.Struct, frozen=True):
    """Where things lie. Log, keys, views and models are kept apart: they are backed up, and forgotten, apart."""

    root: Path

    @property
    def log(self) -> Path:
        """The journal's database."""
        return self.root / "log" / "journal.db"

    @property
    def keys(self) -> Path:
        """Folder of keys, names and the list of erasures."""
        return self.root / "keys"

    @property
    def views(self) -> Path:
        """The structured tables' database."""
        return self.root / "views" / "views.db"

    @property
    def models(self) -> Path:
        """The model store's database."""
        return self.root / "models" / "registry.sqlite"

    @property
    def model_key(self) -> Path:
        """What manifests of models are signed with, unless the environment says."""
        return self.keys / "model.key"

    @property
    def webhooks(self) -> Path:
        """How far webhooks came: in no backup, since it is about one log."""
        return self.root / "webhooks" / "progress.db"

    @property
    def lock(self) -> Path:
        """Held by the one process that writes."""
        return self.root / "serve.lock"

    def create(self) -> None:
        """Make the folders, for nobody else to read."""
        for folder in (self.root, self.log.parent, self.keys, self.views.parent, self.models.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def load_settings(data: Path, environment: Mapping[str, str] | None = None, **overrides: object) -> Settings:
    """Read the settings for a data folder.

    Args:
        data: The data folder; `kinelog.toml` there is read if it exists.
        environment: Defaults to the process's.
        overrides: From the command line; None means not given.

    Raises:
        ConfigurationError: A file, variable or option is wrong; the message names it.
    """
    environment = os.environ if environment is None else environment
    values: dict[str, object] = {}
    file = data / "kinelog.toml"
    if file.exists():
        try:
            values.update(tomllib.loads(file.read_text()))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{file}: {error}") from error
    for field in Settings.__struct_fields__:
        if (text := environment.get(PREFIX + field.upper())) is not None:
            values[field] = text
    values.update({name: value for name, value in overrides.items() if value is not None})
    try:
        # Not strict: the environment has only text, "8080" must do for a port.
        settings = msgspec.convert(values, Settings, strict=False, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"settings ({file}, {PREFIX}… or the command line): {error}") from error
    if settings.shards is not None and settings.shards < 1:
        raise ConfigurationError("shards must be at least 1")
    if settings.store != EMBEDDED:
        cluster_address(settings)
    _require_bounds(settings)
    if settings.zookeeper is not None:
        _require_group(settings)
    return settings


_BOUNDS = {
    "internal_port": (0, 65_535),
    "worker_metrics_port": (0, 65_535),
    "trace_ratio": (1e-6, 1.0),
    "weight": (0.01, 100.0),
    "session_s": (0.5, 120.0),
    "handover_s": (0.05, 60.0),
    "store_away_s": (0.5, 3600.0),
    "drain_s": (0.1, 600.0),
    "connections": (1, 1_000_000),
    "connections_per_address": (1, 1_000_000),
    "headers_s": (0.1, 3600.0),
    "keepalive_s": (0.1, 3600.0),
}


def _require_bounds(settings: Settings) -> None:
    for name, (least, most) in _BOUNDS.items():
        value: float | None = getattr(settings, name)
        if value is not None and not least <= value <= most:
            raise ConfigurationError(f"{name} must be from {least:g} to {most:g}, not {value:g}")


def _require_group(settings: Settings) -> None:
    """What a group of nodes needs; secrets are asked for when the process joins."""
    zookeeper_address(settings.zookeeper or "")
    node_name(settings.node)
    reached_at(settings.advertise, settings.internal_host or settings.host, settings.internal_port)
    given = [name for name in CLUSTER_FILES if getattr(settings, name) is not None]
    if given and len(given) < len(CLUSTER_FILES):
        missing = sorted(set(CLUSTER_FILES) - set(given))
        raise ConfigurationError(f"{', '.join(missing)} missing: {', '.join(CLUSTER_FILES)} belong together")
    _require_files(settings, CLUSTER_FILES)


def _path(kind: type, value: object) -> Path:
    if kind is not Path or not isinstance(value, str | Path):
        raise NotImplementedError(kind)
    return Path(value)


def cluster_address(settings: Settings) -> CassandraAddress:
    """The cluster that the settings name.

    Raises:
        ConfigurationError: They name none, or not as an address is written.
    """
    try:
        return CassandraAddress.parse(settings.store)
    except AddressError as error:
        raise ConfigurationError(f"store: {EMBEDDED}, or the address of a cluster: {error}") from error


def credentials_from(settings: Settings, environment: Mapping[str, str] | None = None) -> Credentials:
    """Password and certificates for a cluster; the password comes from the environment or a file that it names.

    Raises:
        ConfigurationError: A file cannot be read, or settings do not fit together. A password is never part of the
            message.
    """
    environment = os.environ if environment is None else environment
    _require_certificates(settings)
    password = environment.get(PASSWORD_VARIABLE)
    if password is None and (file := environment.get(PASSWORD_FILE_VARIABLE)) is not None:
        try:
            password = Path(file).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{PASSWORD_FILE_VARIABLE}: {type(error).__name__}: {file}") from error
    return Credentials(password, settings.cassandra_ca, settings.cassandra_certificate, settings.cassandra_key)


def _require_certificates(settings: Settings) -> None:
    if settings.cassandra_ca is None and (settings.cassandra_certificate or settings.cassandra_key):
        raise ConfigurationError("cassandra_ca is missing: without it nothing is encrypted, and no certificate shown")
    if (settings.cassandra_certificate is None) != (settings.cassandra_key is None):
        raise ConfigurationError("cassandra_certificate and cassandra_key belong together: give both or none")
    _require_files(settings, ("cassandra_ca", "cassandra_certificate", "cassandra_key"))


def _require_files(settings: Settings, names: Sequence[str]) -> None:
    for name in names:
        file: Path | None = getattr(settings, name)
        if file is not None and not file.is_file():
            raise ConfigurationError(f"{name}: there is no file {file}")


def master_key_from(environment: Mapping[str, str] | None = None) -> bytes | None:
    """The master key that the environment gives (64 hex digits), or None: then the key folder's own file is used.

    Raises:
        ConfigurationError: The variable is there but no key. Its value is never part of the message.
    """
    text = (os.environ if environment is None else environment).get(MASTER_KEY_VARIABLE)
    if text is None:
        return None
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise ConfigurationError(f"{MASTER_KEY_VARIABLE} must be 64 hex digits")
    return key
