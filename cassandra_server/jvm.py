"""How the server's Java process is started."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

QUIET = Path(__file__).resolve().parent / "nodetool-logback.xml"
EXPORTS = (
    "java.base/java.lang.ref",
    "java.base/jdk.internal.misc",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
    "jdk.attach/sun.tools.attach",
    "jdk.compiler/com.sun.tools.javac.file",
    "jdk.unsupported/sun.misc",
)
OPENS = (
    "java.base/java.io",
    "java.base/java.lang",
    "java.base/java.lang.module",
    "java.base/java.lang.reflect",
    "java.base/java.util",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.util.jar",
    "java.base/sun.nio.ch",
    "jdk.compiler/com.sun.tools.javac",
    "jdk.management/com.sun.management.internal",
)
"""The parts of the JDK that Cassandra on Java 17 reaches into."""


def access() -> list[str]:
    """The flags that let Cassandra, and its tools, reach into the JDK."""
    return [f"--add-exports={name}=ALL-UNNAMED" for name in EXPORTS] + [
        f"--add-opens={name}=ALL-UNNAMED" for name in OPENS
    ]


SHORT_LIVED = (
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    # The jars are those whose sums were checked: to verify each class again takes a tenth of a start.
    "-XX:+UnlockDiagnosticVMOptions",
    "-XX:-BytecodeVerificationRemote",
    # How often a file is read is written down for compactions of weeks.
    "-Dcassandra.sstable_activity_tracking=false",
)
SCHEMA_IN_MEMORY = ("-Dcassandra.test.flush_local_schema_changes=false",)
FORGETFUL = ("-Dcassandra.unsafesystem=true",)


def server_command(
    java: Path, jars: Path, folder: Path, heap: str, host: str, jmx_port: int, extra: Sequence[str] = ()
) -> list[str]:
    """The command line of one node.

    Args:
        java: The program.
        jars: The folder of the server's jars.
        folder: The node's folder, with `conf` in it.
        heap: Size of the heap, as Java writes it: `512M`, `2G`.
        host: The node's address; its JMX listens there too.
        jmx_port: Where `nodetool` finds it.
        extra: Of `SHORT_LIVED`, `SCHEMA_IN_MEMORY` and `FORGETFUL`.
    """
    properties = {
        "cassandra.config": (folder / "conf" / "cassandra.yaml").as_uri(),
        "cassandra.storagedir": str(folder / "data"),
        "cassandra.logdir": str(folder / "log"),
        "logback.configurationFile": str(folder / "conf" / "logback.xml"),
        "cassandra-foreground": "yes",
        # A ring that nobody else joins: nothing to wait for.
        "cassandra.ring_delay_ms": "1000",
        "cassandra.skip_wait_for_gossip_to_settle": "0",
        "cassandra.superuser_setup_delay_ms": "0",
        "cassandra.shutdown_announce_in_ms": "100",
        # The JVM's own agent, since Cassandra's always listens on 127.0.0.1, where nodes would meet each other.
        "com.sun.management.jmxremote.host": host,
        "com.sun.management.jmxremote.port": str(jmx_port),
        "com.sun.management.jmxremote.rmi.port": str(jmx_port),
        "com.sun.management.jmxremote.authenticate": "false",
        "com.sun.management.jmxremote.ssl": "false",
        "java.rmi.server.hostname": host,
        "jdk.attach.allowAttachSelf": "true",
        "io.netty.tryReflectionSetAccessible": "true",
        "java.net.preferIPv4Stack": "true",
        "java.awt.headless": "true",
    }
    return [
        str(java),
        f"-Xms{heap}",
        f"-Xmx{heap}",
        "-XX:+HeapDumpOnOutOfMemoryError",
        f"-XX:HeapDumpPath={folder / 'log'}",
        f"-XX:ErrorFile={folder / 'log' / 'hs_err.log'}",
        "-XX:+ExitOnOutOfMemoryError",
        "-XX:+PerfDisableSharedMem",
        f"-javaagent:{next(jars.glob('jamm-*.jar'))}",
        *access(),
        *extra,
        *(f"-D{name}={value}" for name, value in properties.items()),
        "-cp",
        f"{folder / 'conf'}:{jars}/*",
        "org.apache.cassandra.service.CassandraDaemon",
    ]


def tool_command(java: Path, jars: Path, host: str, jmx_port: int, *arguments: str) -> list[str]:
    """The command line of a `nodetool` subcommand."""
    return [
        str(java),
        "-Xmx128M",
        "-XX:TieredStopAtLevel=1",  # it lives for a second
        "-Djava.net.preferIPv4Stack=true",
        f"-Dlogback.configurationFile={QUIET}",
        *access(),
        "-cp",
        f"{jars}/*",
        "org.apache.cassandra.tools.NodeTool",
        "-h",
        host,
        "-p",
        str(jmx_port),
        *arguments,
    ]
